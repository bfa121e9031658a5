"""What went wrong with one file, and what is out of the whole run."""

from __future__ import annotations

from fakecheck.types import PLUGIN_STAGE, Report, StageError


def of_file(report: Report) -> list[StageError]:
    """The errors that a section on one file shows."""
    return [error for error in report.errors if error.stage != PLUGIN_STAGE]


def of_run(report: Report) -> list[str]:
    """Plug-ins and detectors of theirs that cannot be used, a line each: the same in all files."""
    return [
        f"{error.detector}: {error.message}" if error.detector else error.message
        for error in report.errors
        if error.stage == PLUGIN_STAGE
    ]
