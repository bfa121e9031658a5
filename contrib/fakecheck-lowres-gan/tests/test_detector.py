"""What every fakecheck detector must satisfy, asked of lowres_gan."""

from pathlib import Path

import fakecheck_lowres_gan
from fakecheck.testing import DetectorContract


class TestLowresGan(DetectorContract):
    folder = Path(fakecheck_lowres_gan.__file__).parent
