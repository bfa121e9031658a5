"""`--annotate DIR`: the marked copy of each picture and clip."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from pathlib import Path

from fakecheck.cli.progress import ProgressBars
from fakecheck.errors import MediaError
from fakecheck.media import Limits, open_media
from fakecheck.media.find import identity
from fakecheck.pipeline import Outcome
from fakecheck.report.annotate import annotate_image, annotate_video

# Formats that a marked picture keeps; every other becomes a PNG, which loses nothing.
KEPT = {".jpg", ".jpeg", ".png"}


class Names:
    """Paths of outputs: no two of a run get the same, and none that of a file whose `identity` is
    among the `inputs`."""

    def __init__(self, inputs: Iterable[str]) -> None:
        self._taken = set(inputs)

    def free(self, folder: Path, path: Path, suffix: str) -> Path:
        """The stem of `path` with `suffix` in `folder`, numbered from the second one on."""
        for number in count(1):
            target = folder / f"{path.stem}{f'-{number}' if number > 1 else ''}{suffix}"
            if (file := identity(target)) not in self._taken:
                self._taken.add(file)
                break
        return target


class Annotator:
    """Writes marked copies into one folder; two files of one name get two copies."""

    def __init__(self, folder: Path, names: Names, limits: Limits, bars: ProgressBars) -> None:
        self._folder = folder
        self._names = names
        self._limits = limits
        self._bars = bars

    def mark(self, outcome: Outcome) -> Path | None:
        """The path written, or None for a file that broke off before it could be drawn on."""
        report = outcome.report
        assert report is not None
        media = open_media(outcome.path, self._limits)
        if media.info.kind == "image":
            suffix = outcome.path.suffix.lower()
            target = self._names.free(
                self._folder, outcome.path, suffix if suffix in KEPT else ".png"
            )
            try:
                frame = next(iter(media.frames()))
            except (MediaError, StopIteration):
                return None
            annotate_image(frame.image, report, target)
            return target
        target = self._names.free(self._folder, outcome.path, ".mp4")
        frames = media.info.frames
        remarks = annotate_video(
            media, report, target, lambda done: self._bars.progress(target, done, frames)
        )
        self._bars.finished_clip()
        for remark in remarks:
            self._bars.say(remark)
        return target
