"""Draws through a card's chain of filters: what happens last to a crop, as at run time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fakecheck.filters import apply_filters
from fakecheck.types import Image
from fakecheck_training.augment import Rng
from fakecheck_training.draws.source import Draw, Pair, PairSource, Source


@dataclass(frozen=True, eq=False)
class FilteredSource:
    """What `source` draws, after the filters of `chain`, as `fakecheck.filters` takes them."""

    source: Source
    chain: Sequence[Mapping[str, Any]]

    @property
    def families(self) -> list[str]:
        """The families that a fake draw may have."""
        return self.source.families

    def draw(self, fake: bool, rng: Rng) -> Draw:
        """A fake or a real example, filtered."""
        return self._filtered(self.source.draw(fake, rng))

    def _filtered(self, draw: Draw) -> Draw:
        return replace(draw, image=self._filter(draw.image))

    def _filter(self, image: Image) -> Image:
        return apply_filters(image, self.chain)


@dataclass(frozen=True, eq=False)
class FilteredPairSource(FilteredSource):
    """The same for a source that makes fakes from real faces."""

    source: PairSource

    def pair(self, rng: Rng) -> Pair:
        """A fake example and what it was made from, both filtered."""
        pair = self.source.pair(rng)
        return Pair(self._filter(pair.before), self._filtered(pair.after))


def filtered(source: Source, chain: Sequence[Mapping[str, Any]]) -> Source:
    """`source` itself if the chain is empty."""
    if not chain:
        return source
    if isinstance(source, PairSource):
        return FilteredPairSource(source, chain)
    return FilteredSource(source, chain)
