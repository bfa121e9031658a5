"""Frames far apart in a 720p clip: seeking to them against decoding all that lies between.

Prints, by distance between keyframes and between the frames looked at, the seconds of both ways and
their ratio. `fakecheck.media.timetable.SEEK_SKIPS` is the distance from which a seek is worth it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from clips import make_clip

from fakecheck.media import never, open_media
from fakecheck.media.timetable import SEEK_SKIPS
from fakecheck.media.videos import Video

SECONDS = 60
KEYFRAMES = (12, 50, 250)
DISTANCES = (25, 50, 100, 300)


def timed(frames: object) -> float:
    start = time.perf_counter()
    for _ in frames:  # type: ignore[attr-defined]
        pass
    return time.perf_counter() - start


def compare(video: Video, wanted: Sequence[int]) -> tuple[float, float]:
    """Seconds of decoding in order and of seeking, the best of three each, taken by turns."""
    table = video._timetable(never)
    rows = [
        (timed(video._in_order(wanted, never)), timed(video._by_seeking(wanted, table, never)))
        for _ in range(3)
    ]
    return min(row[0] for row in rows), min(row[1] for row in rows)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for gap in KEYFRAMES:
            path = make_clip(Path(folder) / f"{gap}.mp4", SECONDS, {"g": str(gap)})
            video = cast(Video, open_media(path))
            for distance in DISTANCES:
                wanted = range(distance // 2, SECONDS * 25, distance)
                ordered, sought = compare(video, wanted)
                seeks = video._timetable(never).seeks(wanted)
                print(
                    f"keyframe each {gap:3}, look each {distance:3}: in order {ordered:5.2f} s, "
                    f"seeking {sought:5.2f} s, x {ordered / sought:4.2f}"
                    f"{'' if seeks else f' (nothing to jump over {SEEK_SKIPS} frames)'}"
                )


if __name__ == "__main__":
    main()
