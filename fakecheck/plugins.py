"""PluginHost: the detectors that installed plug-ins bring, and what went wrong with which.

Entry points of the group `fakecheck` are loaded one by one. Whatever fails becomes a PluginProblem
and leaves the rest alone. The detectors bundled with fakecheck come through the entry point of
fakecheck's own distribution, so that this package need not import them.

Two detectors of one id: neither runs, since which of them came first would depend on the order of
installation, and both are named. The one exception is an id of a bundled detector: that one stays
and the other is refused, since otherwise any installed package could replace a bundled detector or
switch it off.

With `trusted_only` no plug-in's code is imported but fakecheck's own: cards are found through the
list of files that a distribution installed, and what the index does not vouch for is refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

import pluggy
from pydantic import TypeAdapter, ValidationError

from fakecheck import hookspecs
from fakecheck.card import CARD_FILE, DetectorCard, Identifier, load_card
from fakecheck.card_fields import read_fields
from fakecheck.errors import FakecheckError, NoDetectorsError, UsageError, describe
from fakecheck.graph import check_bundle
from fakecheck.index import registry
from fakecheck.installed import (
    InstalledDetector,
    Origin,
    PluginProblem,
    entry_points,
    without_clashes,
)
from fakecheck.trust import bundles_of, canonical, standing

NO_AUTOLOAD = "FAKECHECK_DISABLE_PLUGIN_AUTOLOAD"
TRUSTED_ONLY = "FAKECHECK_TRUSTED_ONLY"
# A hook that never stops yielding must not hang the start.
MAX_DETECTORS = 1000
_ID: TypeAdapter[str] = TypeAdapter(Identifier)


class PluginHost:
    """Discovers plug-ins and hands out their cards. A hook runs once, when it is registered."""

    def __init__(self) -> None:
        self._found: list[InstalledDetector] = []
        self._problems: list[PluginProblem] = []

    @classmethod
    def discover(cls, autoload: bool | None = None, trusted_only: bool | None = None) -> PluginHost:
        """The host with every installed plug-in; with `autoload` False only the bundled one.

        With `trusted_only` no plug-in but the bundled one is imported, and every detector that is
        not in the index, from the same distribution and with the same sha256 of every file, is a
        problem. None asks the environment: FAKECHECK_DISABLE_PLUGIN_AUTOLOAD, set and neither empty
        nor 0, means `autoload` False, and FAKECHECK_TRUSTED_ONLY `trusted_only` True.

        Raises PluginError for `trusted_only` where fakecheck's own index is missing or damaged.
        """
        autoload = not _is_set(NO_AUTOLOAD) if autoload is None else autoload
        trusted_only = _is_set(TRUSTED_ONLY) if trusted_only is None else trusted_only
        host = cls()
        looked_at = set()
        for origin, entry_point in entry_points():
            if isinstance(entry_point, str):
                host._problems.append(PluginProblem(origin, None, entry_point))
            elif origin.bundled or (autoload and not trusted_only):
                host._load(origin, entry_point)
            elif autoload and origin.distribution not in looked_at:
                looked_at.add(origin.distribution)
                host._add_without_import(origin, entry_point.dist)
        if trusted_only:
            host._refuse_untrusted()
        return host

    @classmethod
    def of_distribution(cls, distribution: str) -> PluginHost:
        """The host with the plug-ins of one installed distribution; no other one is imported.

        Raises UsageError where the environment forbids to import it; see `discover`.
        """
        host = cls()
        for origin, entry_point in entry_points():
            if origin.distribution is None or canonical(origin.distribution) != canonical(
                distribution
            ):
                continue
            for variable in (NO_AUTOLOAD, TRUSTED_ONLY):
                if _is_set(variable) and not origin.bundled:
                    raise UsageError(f"{variable} is set, so {origin} was not imported")
            if isinstance(entry_point, str):
                host._problems.append(PluginProblem(origin, None, entry_point))
            else:
                host._load(origin, entry_point)
        return host

    def register(self, plugin: object, name: str) -> None:
        """Adds a plug-in that is no entry point: an imported module or an object with the hook."""
        self._run_hook(Origin(name), plugin)

    @property
    def detectors(self) -> Mapping[str, InstalledDetector]:
        """Detectors that can be chosen, by id, in the order of their ids."""
        return {one.card.id: one for one in without_clashes(self._found)[0]}

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """What failed while plug-ins were loaded. `check_files` looks at the files of bundles."""
        return (*self._problems, *without_clashes(self._found)[1])

    def check_files(self) -> tuple[PluginProblem, ...]:
        """Reads all files of the detectors: a wrong sha256, a forbidden op, a foreign label map."""
        problems = []
        for one in self.detectors.values():
            try:
                check_bundle(one.card)
            except FakecheckError as error:
                cause = str(error).removeprefix(f"{one.card.id}: ")
                problems.append(PluginProblem(one.origin, one.card.id, cause))
        return tuple(problems)

    def select(self, only: Iterable[str] = (), skip: Iterable[str] = ()) -> list[DetectorCard]:
        """Cards in the order of their ids. `only` and `skip` hold ids or families; `skip` wins.

        Raises UsageError for a word that is neither, NoDetectorsError where no detector is left.
        """
        installed = [one.card for one in self.detectors.values()]
        wanted, unwanted = set(only), set(skip)
        for word in sorted(wanted | unwanted):
            if not any(word in (card.id, card.family) for card in installed):
                raise self._unknown(word, installed)
        chosen = [
            card
            for card in installed
            if (not wanted or wanted & {card.id, card.family})
            and not unwanted & {card.id, card.family}
        ]
        if not chosen:
            raise NoDetectorsError(
                "No detector is left to run" if installed else "No detector is installed",
                "fakecheck detectors list shows what is there, and problems with their causes",
            )
        return chosen

    def unusable(self, only: Iterable[str] = (), skip: Iterable[str] = ()) -> list[PluginProblem]:
        """Problems of what `select` might have chosen, were it sound; not of what was refused.

        A plug-in that cannot be imported might have brought any detector, so it is always told. A
        detector whose card cannot be read is known by its id alone.
        """
        wanted, unwanted = set(only), set(skip)
        found = []
        for problem in self.problems:
            words = {problem.detector, problem.family}
            left_out = (wanted and not words & wanted) or words & unwanted
            if not problem.refused and (problem.detector is None or not left_out):
                found.append(problem)
        return found

    @property
    def hint(self) -> str:
        """The end of an advice to one who misses a detector; empty where there is no problem.

        A plug-in that cannot be imported names none of its detectors.
        """
        if not self.problems:
            return ""
        return "; fakecheck detectors list shows plug-ins that cannot be used, with the cause"

    def broken(self, detector: str) -> UsageError | None:
        """The error, with its cause, for a detector that was found but cannot be used."""
        for problem in self.problems:
            if problem.detector == detector:
                return UsageError(f"Detector {detector} cannot be used: {problem.cause}")
        return None

    def _unknown(self, word: str, installed: list[DetectorCard]) -> UsageError:
        if broken := self.broken(word):
            return broken
        known = sorted({word for card in installed for word in (card.id, card.family)})
        return UsageError(
            f"No detector or family is called {word!r}",
            (f"known are {', '.join(known)}" if known else "no detector is installed") + self.hint,
        )

    def _load(self, origin: Origin, entry_point: metadata.EntryPoint) -> None:
        try:
            plugin = entry_point.load()
        except KeyboardInterrupt:
            raise
        # SystemExit too: a plug-in that exits on import must not end the program.
        except BaseException as error:
            self._fail(origin, f"importing {entry_point.value} raised {describe(error)}")
            return
        self._run_hook(origin, plugin)

    def _add_without_import(
        self, origin: Origin, distribution: metadata.Distribution | None
    ) -> None:
        assert distribution is not None  # as importlib.metadata sets it on what it has found
        try:
            folders = bundles_of(distribution)
        except FakecheckError as error:
            self._refuse(origin, None, str(error))
            return
        # Whatever its files bring about is a problem of its own.
        except Exception as error:
            self._refuse(origin, None, f"looking for its detectors ended with {describe(error)}")
            return
        for folder in folders[:MAX_DETECTORS]:
            self._add(origin, folder)

    def _refuse_untrusted(self) -> None:
        entries = registry().entries
        found, self._found = self._found, []
        for one in found:
            place = standing(one.card, one.origin.distribution, entries)
            if place.state == "known":
                self._found.append(one)
            else:
                self._refuse(one.origin, one.card.id, str(place))

    def _run_hook(self, origin: Origin, plugin: object) -> None:
        # A pluggy manager for each, so that a hook wrapper in one plug-in cannot touch the results
        # of another.
        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        try:
            manager.register(plugin, name=origin.plugin)
            manager.check_pending()
            if not manager.hook.fakecheck_detectors.get_hookimpls():
                self._fail(origin, "implements no hook fakecheck_detectors (@hookimpl missing?)")
                return
            results = manager.hook.fakecheck_detectors()
            if not results:  # pluggy drops None
                self._fail(origin, "its hook fakecheck_detectors gave nothing (return missing?)")
            for result in results:
                if isinstance(result, str | bytes) or not isinstance(result, Iterable):
                    self._fail(
                        origin,
                        "its hook fakecheck_detectors must return a list of folders (Path) or "
                        f"DetectorCards, got {type(result).__name__}",
                    )
                    continue
                for item in islice(result, MAX_DETECTORS):
                    self._add(origin, item)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._fail(origin, f"its hook fakecheck_detectors failed with {describe(error)}")

    def _add(self, origin: Origin, item: Any) -> None:
        if isinstance(item, Path):
            try:
                item = load_card(item)
            except FakecheckError as error:
                self._problems.append(PluginProblem(origin, _name_of(item), str(error)))
                return
            except Exception as error:
                cause = f"reading its card ended with {describe(error)}"
                self._problems.append(PluginProblem(origin, item.name, cause))
                return
        if isinstance(item, DetectorCard):
            if not self._knows(item, origin):
                self._found.append(InstalledDetector(item, origin))
        else:
            self._fail(
                origin,
                "its hook fakecheck_detectors must give folders (Path) or DetectorCards, "
                f"got {type(item).__name__}",
            )

    def _knows(self, card: DetectorCard, origin: Origin) -> bool:
        """Whether the package gave this card before: by two entry points, or twice by one."""
        return any(
            one.card == card and one.origin.distribution == origin.distribution
            for one in self._found
        )

    def _refuse(self, origin: Origin, detector: str | None, cause: str) -> None:
        cause = f"refused, as only trusted detectors are wanted: {cause}"
        self._problems.append(PluginProblem(origin, detector, cause, refused=True))

    def _fail(self, origin: Origin, cause: str) -> None:
        self._problems.append(PluginProblem(origin, None, cause))


def _name_of(folder: Path) -> str:
    """The id on a card that is refused, or the folder's name where none can be read."""
    try:
        return _ID.validate_python(read_fields(folder / CARD_FILE).get("id"))
    except (FakecheckError, ValidationError):
        return folder.name


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "") not in ("", "0")
