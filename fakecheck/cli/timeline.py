"""`--timeline PATH`: the score of each clip over its seconds, drawn."""

from __future__ import annotations

from pathlib import Path

from fakecheck.cli.annotate import Names
from fakecheck.errors import UsageError
from fakecheck.pipeline import Outcome
from fakecheck.report.timeline import write_timeline


class TimelineDrawer:
    """Draws clips: into `target` if it ends in .png, else into the folder `target`.

    Raises UsageError for a file where `single` says that there may be several clips.
    """

    def __init__(self, target: Path, single: bool, names: Names) -> None:
        self.file = target if target.suffix.lower() == ".png" else None
        if self.file and not single:
            raise UsageError(
                f"--timeline {target}: several clips do not fit into one file",
                "name a folder, without .png",
            )
        self._folder = target
        self._names = names

    def draw(self, outcome: Outcome) -> Path | None:
        """The path written, or None for a picture, which has no timeline."""
        report = outcome.report
        assert report is not None
        if report.media.kind == "image":
            return None
        target = self.file or self._names.free(self._folder, outcome.path, ".png")
        write_timeline(report, target)
        return target
