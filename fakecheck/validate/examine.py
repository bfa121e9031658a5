"""`validate`: all checks on a target, in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakecheck.card import DetectorCard
from fakecheck.engines.convert import Agreement
from fakecheck.errors import UsageError
from fakecheck.validate.alone import Alone
from fakecheck.validate.data import Accuracy, Progress, check_folder, quiet
from fakecheck.validate.data_checks import ACCURACY_CHECKS, DATA_CHECKS, FIT_CHECKS
from fakecheck.validate.findings import Check, Examination, Finding
from fakecheck.validate.load_checks import LOAD_CHECKS
from fakecheck.validate.package_checks import PACKAGE_CHECKS
from fakecheck.validate.project import Project
from fakecheck.validate.static_checks import CALIBRATION_CHECKS, STATIC_CHECKS
from fakecheck.validate.subject import Subject
from fakecheck.validate.target import Bundle, Target, find_target


@dataclass(frozen=True)
class Options:
    """What is asked for besides the static checks.

    `load` opens and runs the graphs, on drawn faces and on those in the pictures of `faces`. `data`
    is a folder with `real` and `fake`, on which accuracy is measured; with `calibrate` the card is
    fitted to it and written. `data_set` is its name there, None: the folder's.
    """

    load: bool = False
    faces: Path | None = None
    data: Path | None = None
    calibrate: bool = False
    data_set: str | None = None


@dataclass(frozen=True)
class BundleReport:
    """What was found in one bundle. `card` is None where it cannot be read.

    `alone` and `agreement` were measured with `load`, `accuracy` with `data`.
    """

    name: str
    folder: Path
    card: DetectorCard | None
    findings: tuple[Finding, ...]
    alone: Alone | None = None
    agreement: Agreement | None = None
    accuracy: Accuracy | None = None


@dataclass(frozen=True)
class Validation:
    """What was found in all of a target. `package` is empty where no package was named."""

    target: str
    package: tuple[Finding, ...]
    bundles: tuple[BundleReport, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, those on the package first."""
        return (*self.package, *(one for bundle in self.bundles for one in bundle.findings))

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(one.status != "failed" for one in self.findings)

    def count(self, status: str) -> int:
        """How many checks ended so."""
        return sum(one.status == status for one in self.findings)


Watcher = Callable[[str, str], None]
"""Called before each check with the detector's or package's name and the check's."""


def unwatched(name: str, check: str) -> None:
    """The watcher of those who do not look."""


def validate(
    given: str,
    options: Options | None = None,
    *,
    watcher: Watcher = unwatched,
    progress: Progress = quiet,
) -> Validation:
    """Checks an installed detector (its id), a bundle (its folder) or a package (its folder).

    Whatever is wrong with it is a finding. Raises InputError where a path cannot be read,
    UsageError for an id that nobody has, or for `calibrate` of more than one detector at once.
    """
    options = options or Options()
    target = find_target(given)
    if options.data is not None:
        check_folder(options.data)
    if options.calibrate and len(target.bundles) > 1:
        names = ", ".join(str(bundle.folder) for bundle in target.bundles)
        raise UsageError(
            "Only one detector can be calibrated at once, since each has fakes of its own",
            f"name one of {names}",
        )
    package = _package_findings(target, watcher)
    bundles = tuple(_report(one, options, watcher, progress) for one in target.bundles)
    return Validation(given, package, bundles)


def bundle_checks(options: Options) -> tuple[Check[Any], ...]:
    """The checks that `options` ask for, in their order."""
    checks: tuple[Check[Any], ...] = STATIC_CHECKS
    if options.load:
        checks += LOAD_CHECKS
    if options.data is not None:
        checks += DATA_CHECKS + (FIT_CHECKS if options.calibrate else ()) + ACCURACY_CHECKS
    return checks + CALIBRATION_CHECKS


def examination(
    bundle: Bundle, options: Options, progress: Progress = quiet
) -> Examination[Subject]:
    """The checks on one bundle, none of them made yet."""
    subject = Subject(
        bundle.folder,
        bundle.distribution,
        bundle.project,
        options.faces,
        options.data,
        options.calibrate,
        progress,
        options.data_set,
    )
    return Examination(subject, bundle_checks(options))


def _package_findings(target: Target, watcher: Watcher) -> tuple[Finding, ...]:
    if target.project is None:
        return ()
    made: Examination[Project] = Examination(target.project, PACKAGE_CHECKS)
    name = target.project.name or target.project.folder.name
    return tuple(_watched(made, name, watcher))


def _report(bundle: Bundle, options: Options, watcher: Watcher, progress: Progress) -> BundleReport:
    made = examination(bundle, options, progress)
    findings = tuple(_watched(made, bundle.name, watcher))
    subject = made.subject
    passed = {one.check for one in findings if one.status == "ok"}
    return BundleReport(
        subject.name,
        subject.folder,
        subject.card if "card.schema" in passed else None,
        findings,
        subject.alone if "load.open" in passed else None,
        subject.agreement if "run.engines" in passed else None,
        subject.accuracy if "data.accuracy" in passed else None,
    )


def _watched(made: Examination[Any], name: str, watcher: Watcher) -> Iterator[Finding]:
    for check in made.checks:
        watcher(name, check)
        yield made.finding(check)
