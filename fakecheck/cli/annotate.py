"""`--annotate DIR`: the marked copy of each picture and clip."""

from __future__ import annotations

from pathlib import Path

from fakecheck.cli.progress import ProgressBars
from fakecheck.errors import MediaError
from fakecheck.media import Limits, open_media
from fakecheck.pipeline import Outcome
from fakecheck.report.annotate import annotate_image, annotate_video

# Formats that a marked picture keeps; every other becomes a PNG, which loses nothing.
KEPT = {".jpg", ".jpeg", ".png"}


class Names:
    """File names within one folder of outputs: no two files of a run get the same."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, path: Path, suffix: str) -> str:
        """The stem of `path` with `suffix`, numbered from the second one on."""
        name = f"{path.stem}{suffix}"
        number = 1
        while name.lower() in self._taken:
            number += 1
            name = f"{path.stem}-{number}{suffix}"
        self._taken.add(name.lower())
        return name


class Annotator:
    """Writes marked copies into one folder; two files of one name get two copies."""

    def __init__(self, folder: Path, limits: Limits, bars: ProgressBars) -> None:
        self._folder = folder
        self._limits = limits
        self._bars = bars
        self._names = Names()

    def mark(self, outcome: Outcome) -> Path | None:
        """The path written, or None for a file that broke off before it could be drawn on."""
        report = outcome.report
        assert report is not None
        media = open_media(outcome.path, self._limits)
        if media.info.kind == "image":
            suffix = outcome.path.suffix.lower()
            target = self._target(outcome.path, suffix if suffix in KEPT else ".png")
            try:
                frame = next(iter(media.frames()))
            except (MediaError, StopIteration):
                return None
            annotate_image(frame.image, report, target)
            return target
        target = self._target(outcome.path, ".mp4")
        frames = media.info.frames
        remarks = annotate_video(
            media, report, target, lambda done: self._bars.progress(target, done, frames)
        )
        self._bars.finished_clip()
        for remark in remarks:
            self._bars.say(remark)
        return target

    def _target(self, path: Path, suffix: str) -> Path:
        return self._folder / self._names.free(path, suffix)
