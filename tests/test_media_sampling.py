"""Which frames are picked, and from which one they are decoded, by times alone."""

from __future__ import annotations

import numpy as np
import pytest

from fakecheck.media.base import Picker, Sampling
from fakecheck.media.timetable import Timetable


def picked(sampling: Sampling, *times: float) -> list[float]:
    picker = Picker(sampling)
    return [time for time in times if not picker.over(time) and picker.takes(time)]


def test_a_window_holds_its_start_and_not_its_end() -> None:
    assert picked(Sampling(None, start=0.5, end=1.5), 0.4, 0.5, 1.0, 1.5, 1.6) == [0.5, 1.0]
    assert not Picker(Sampling(None, end=1.0)).over(None)


def test_after_a_pause_there_is_still_one_frame_a_second() -> None:
    times = (0.0, 0.5, 1.0, 5.25, 5.5, 5.75, 6.0, 6.5, 7.0)
    assert picked(Sampling(None, fps=1), *times) == [0.0, 1.0, 5.25, 6.0, 7.0]


@pytest.mark.parametrize(("index", "key"), [(0, 0), (49, 0), (50, 50), (99, 50), (120, 100)])
def test_decoding_starts_at_the_last_key_that_is_not_behind_the_frame(index: int, key: int) -> None:
    frames = np.arange(150)
    assert Timetable(frames / 25, frames, np.array([0, 50, 100])).key_before(index) == key
