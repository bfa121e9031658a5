"""The errors of fakecheck: each kind carries a stable exit code and may carry an advice."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakecheck.types import Report


class ExitCode(IntEnum):
    """Exit codes of the `fakecheck` command. Stable: scripts may rely on them."""

    OK = 0
    OTHER = 1
    USAGE = 2
    INPUT_FILE = 3
    MISSING_DEPENDENCY = 4
    NO_DETECTORS = 5
    OUTPUT_FILE = 6
    FAKE_FOUND = 10
    INTERRUPTED = 130


class FakecheckError(Exception):
    """Base of all errors that fakecheck raises on purpose.

    `message` is one sentence for a user; `advice`, if any, says what to do about it.
    """

    exit_code: ExitCode = ExitCode.OTHER

    def __init__(self, message: str, advice: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} ({self.advice})" if self.advice else self.message


class UsageError(FakecheckError):
    """Options that contradict each other or name something unknown."""

    exit_code = ExitCode.USAGE


class MediaError(FakecheckError):
    """A file that is missing, empty, truncated, over a limit, or no picture and no video.

    `report` is what is said of the part that could be looked at, such as a clip's frames up to the
    damage or the first of several pages; None where the file could not be opened.
    """

    exit_code = ExitCode.INPUT_FILE
    report: Report | None = None


class InputError(FakecheckError):
    """A folder or file other than a picture or clip that was named and cannot be read."""

    exit_code = ExitCode.INPUT_FILE


class MissingDependencyError(FakecheckError):
    """An optional package or a device that the wanted engine needs is not there."""

    exit_code = ExitCode.MISSING_DEPENDENCY


class NoDetectorsError(FakecheckError):
    """No detector is left to run."""

    exit_code = ExitCode.NO_DETECTORS


class OutputError(FakecheckError):
    """A report, a marked picture or a bundle could not be written."""

    exit_code = ExitCode.OUTPUT_FILE


class PluginError(FakecheckError):
    """A plug-in or a detector bundle that cannot be used, with the cause."""


class CardError(PluginError):
    """A `detector.yaml` that is not what its schema asks for."""


class GraphRefusedError(PluginError):
    """A graph whose sha256 differs from its card's or that holds a forbidden op."""


def describe(error: BaseException) -> str:
    """The error in one line of bearable length."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # a plug-in's own exception may be as broken as the plug-in
        text = ""
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
