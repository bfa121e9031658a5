"""Checks, and the records of what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from fakecheck.errors import FakecheckError, MissingDependencyError, describe

Subject = TypeVar("Subject", contravariant=True)
Status = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True)
class Finding:
    """What one check found: `message` is one sentence, `advice` says how to mend it."""

    check: str
    status: Status
    message: str
    advice: str | None = None


def counted(number: int, noun: str) -> str:
    """`1 class`, `3 classes`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}{'es' if noun.endswith(('s', 'x')) else 's'}"


def apart(difference: float) -> str:
    """`equal`, or `within 2e-07`."""
    return f"within {difference:.1g}" if difference else "equal"


class Skipped(Exception):
    """Raised by a check that does not apply here, or cannot be made here."""

    def __init__(self, message: str, advice: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """One thing that must hold of a subject.

    `run` returns a sentence that says what was seen, or raises: FakecheckError where the thing does
    not hold, with an advice if there is one, Skipped or MissingDependencyError where it cannot be
    looked at. Where a check named in `needs` has failed, or lacked what it needs itself, this one
    is skipped.
    """

    name: str
    run: Callable[[Subject], str]
    needs: tuple[str, ...] = ()


class Examination(Generic[Subject]):
    """Makes checks on one subject, each once and after those that it needs."""

    def __init__(self, subject: Subject, checks: Iterable[Check[Subject]]) -> None:
        self.subject = subject
        self.checks = {check.name: check for check in checks}
        self._done: dict[str, Finding] = {}
        self._blocked: set[str] = set()

    def finding(self, name: str) -> Finding:
        """What the check `name` found. Raises KeyError for a name that is not among `checks`."""
        if name not in self._done:
            self._done[name] = self._make(self.checks[name])
        return self._done[name]

    def findings(self) -> tuple[Finding, ...]:
        """What all checks found, in their order."""
        return tuple(self.finding(name) for name in self.checks)

    def _make(self, check: Check[Subject]) -> Finding:
        for needed in check.needs:
            if self.finding(needed).status == "failed" or needed in self._blocked:
                self._blocked.add(check.name)
                return Finding(check.name, "skipped", f"needs {needed}, which has not passed")
        try:
            return Finding(check.name, "ok", check.run(self.subject))
        except (Skipped, MissingDependencyError) as reason:
            return Finding(check.name, "skipped", reason.message, reason.advice)
        except FakecheckError as error:
            return Finding(check.name, "failed", error.message, error.advice)
        # Whatever else a plug-in's files bring about is a finding too; the other checks go on.
        except Exception as error:
            return Finding(check.name, "failed", f"the check ended with {describe(error)}")
