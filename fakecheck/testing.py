"""For the tests of a plug-in: what every detector must satisfy, and a host of one's own.

Needs pytest.

In a package of a detector, `tests/test_mygan.py` is no more than

    from pathlib import Path

    import fakecheck_mygan
    from fakecheck.testing import DetectorContract

    class TestMyGan(DetectorContract):
        folder = Path(fakecheck_mygan.__file__).parent

and each check of `fakecheck detectors validate --load` is a test of its own, such as
`test_contract[graph.ops]`. What a check says of a failure is what the test says. A check that
cannot be made here, such as the comparison with TensorFlow where that is not installed, is skipped.

To run the whole program with one's own detectors and nothing else that happens to be installed:

    from fakecheck import check_image, load_detectors
    from fakecheck.testing import isolated_host

    report = check_image("photo.jpg", load_detectors(host=isolated_host(folder)))
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from fakecheck.hookspecs import hookimpl
from fakecheck.plugins import PluginHost
from fakecheck.validate.examine import Options, bundle_checks, examination
from fakecheck.validate.findings import Examination
from fakecheck.validate.subject import Subject
from fakecheck.validate.target import bundle_in

__all__ = ["DetectorContract", "isolated_host"]


def isolated_host(*folders: Path) -> PluginHost:
    """A host with the detectors in `folders` alone: what is installed is not discovered.

    Its `problems` say which of them cannot be used, and why.
    """

    @hookimpl
    def fakecheck_detectors() -> list[Path]:
        return [Path(folder) for folder in folders]

    host = PluginHost()
    host.register(SimpleNamespace(fakecheck_detectors=fakecheck_detectors), "isolated")
    return host


class DetectorContract:
    """Inherit from it, under a name that starts with Test, and set `folder` to the bundle's.

    `faces`, if set, is a folder of pictures on whose faces the detector is run as well; `load`
    False leaves it at the static checks, which neither import nor run anything.
    """

    folder: ClassVar[Path]
    faces: ClassVar[Path | None] = None
    load: ClassVar[bool] = True

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test a check."""
        if "contract_check" in metafunc.fixturenames:
            checks = bundle_checks(Options(load=self.load))
            metafunc.parametrize("contract_check", [check.name for check in checks])

    @pytest.fixture(scope="class")
    @classmethod
    def contract(cls) -> Examination[Subject]:
        """The examination that the tests of a class share: each check is made once."""
        return examination(bundle_in(cls.folder), Options(load=cls.load, faces=cls.faces))

    def test_contract(self, contract: Examination[Subject], contract_check: str) -> None:
        """What the check found is ok."""
        found = contract.finding(contract_check)
        said = f"{found.message} ({found.advice})" if found.advice else found.message
        if found.status == "skipped":
            pytest.skip(said)
        if found.status == "failed":
            # The sentence is for the plug-in's author; our own frames would bury it.
            pytest.fail(said, pytrace=False)
