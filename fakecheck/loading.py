"""Cards → detectors ready to run, on every device that the pool may use."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fakecheck.card import DetectorCard
from fakecheck.detector import Detector
from fakecheck.engines import open_engine, resolve_devices
from fakecheck.errors import (
    FakecheckError,
    MissingDependencyError,
    NoDetectorsError,
    UsageError,
)
from fakecheck.installed import PluginProblem
from fakecheck.plugins import PluginHost
from fakecheck.types import PLUGIN_STAGE, StageError


@dataclass(frozen=True, eq=False)
class DetectorSet:
    """Loaded detectors. `by_device` maps each device to its copies, in the order of `cards`.

    Equal to itself alone. Many threads may use it at once; it cannot be pickled.

    `errors` says which plug-ins cannot be used and which detectors could not be loaded, and why;
    they are in no other field. Reports have the same errors.
    """

    cards: tuple[DetectorCard, ...]
    by_device: dict[str, tuple[Detector, ...]]
    errors: tuple[StageError, ...] = ()

    def __repr__(self) -> str:
        ids = ", ".join(card.id for card in self.cards) or "no detector"
        copies = (detector for copies in self.by_device.values() for detector in copies)
        engines = ", ".join(sorted({detector.engine for detector in copies})) or "no engine"
        left_out = f", {len(self.errors)} left out" if self.errors else ""
        return f"<DetectorSet: {ids}; {engines} on {', '.join(self.by_device)}{left_out}>"

    @property
    def versions(self) -> dict[str, str]:
        """Version of every loaded detector by its id."""
        return {card.id: card.version for card in self.cards}


def _words(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _plugin_error(problem: PluginProblem) -> StageError:
    return StageError(PLUGIN_STAGE, f"{problem.origin}: {problem.cause}", problem.detector)


def load_detectors(
    only: str | Iterable[str] = (),
    skip: str | Iterable[str] = (),
    engine: str = "auto",
    device: str = "auto",
    host: PluginHost | None = None,
    *,
    trusted_only: bool | None = None,
) -> DetectorSet:
    """Load the installed detectors, or those of `host`.

    `only` and `skip` hold ids or families, or are one. `engine` is auto, onnx or tensorflow;
    `device` is auto, cpu or cuda:N. A plug-in that cannot be used and a detector that cannot be
    loaded are told in the set's `errors`, unless `only` or `skip` leaves them out. `trusted_only`
    is that of `PluginHost.discover`: only detectors that the index vouches for, and no plug-in's
    code; None asks FAKECHECK_TRUSTED_ONLY.

    Raises MissingDependencyError if a package or device is what all of them lack, NoDetectorsError
    if none is left for another reason, UsageError for unknown words and for `trusted_only` beside a
    `host`, which has been chosen already, PluginError where fakecheck's own index is damaged.
    """
    if host is None:
        host = PluginHost.discover(trusted_only=trusted_only)
    elif trusted_only is not None:
        raise UsageError("host and trusted_only exclude each other: PluginHost.discover takes it")
    wanted, unwanted = _words(only), _words(skip)
    chosen = host.select(wanted, unwanted)
    devices = resolve_devices(device, engine)

    def load(card: DetectorCard) -> list[Detector] | FakecheckError:
        try:
            return [Detector(card, open_engine(card, engine, place)) for place in devices]
        except FakecheckError as error:
            return error

    # Side by side: reading and optimising graphs is most of a cold start.
    with ThreadPoolExecutor(max_workers=4) as pool:
        loaded = list(zip(chosen, pool.map(load, chosen), strict=True))
    errors = [(card, got) for card, got in loaded if isinstance(got, FakecheckError)]
    ready = [(card, got) for card, got in loaded if not isinstance(got, FakecheckError)]
    if not ready:
        missing = [got for _, got in errors if isinstance(got, MissingDependencyError)]
        if len(missing) == len(errors):
            raise missing[0]
        raise NoDetectorsError("No detector could be loaded", str(errors[0][1]))
    return DetectorSet(
        cards=tuple(card for card, _ in ready),
        by_device={
            place: tuple(copies[number] for _, copies in ready)
            for number, place in enumerate(devices)
        },
        errors=(
            *(_plugin_error(problem) for problem in host.unusable(wanted, unwanted)),
            *(StageError("load", str(error), card.id) for card, error in errors),
        ),
    )
