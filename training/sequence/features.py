"""`python -m fakecheck_training.sequence.features`: docs/features.md, what every column means.

Made of the names, descriptions and ranges in the runtime's own code, so that they cannot differ.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from pathlib import Path

import click

import fakecheck.features
from fakecheck.features import FACE_FEATURES, FEATURE_VERSION, NAMES, WIDTH
from fakecheck.files import atomic_path
from fakecheck.group_features import GROUP_FEATURES, Feature
from fakecheck.observations import GROUPS, KINDS
from fakecheck_training.markdown import table
from fakecheck_training.options import cli

# What the logit of a sample starts from before the network corrects it.
DIRECT = ("all.mean", "all.best", "all.rarity")
# What is said steadily: averaged over the samples in which the kind is present, then over kinds.
STEADILY = tuple(f"kind_{kind}.mean" for kind in KINDS)
PRESENT = tuple(f"kind_{kind}.present" for kind in KINDS)
# Standardised features beyond this are no better known than at it.
LARGEST = 5.0

INTRO = """Generated from the code by `python -m fakecheck_training.sequence.features`; do not edit.

What the temporal model reads of one followed face (`features.py`, `group_features.py` and
`observations.py` of `fakecheck/`): version **{version}**, {width} numbers a sample. A model whose
card names another version or width is refused.

| input of the graph | shape | type | what it holds |
| --- | --- | --- | --- |
| `features` | (n, T, {width}) | float32 | the columns below, of T samples of n faces in time |
| `seen` | (n, T) | float32 | 1 where the face was seen, else 0: `face.seen`, as a mask |

All columns are numbers as they are; those in "0 or 1" are flags, none is the code of a category.
Ratios are natural logarithms of likelihood ratios of forged against real (`llr`, in nats), which
the bounds on the detectors' cards keep small; lengths are in sides of the face, the longer side of
its box. In a sample without the face every column but `face.elapsed` is zero.

The network takes a column in up to three ways:

- **standardised**: less its mean and over its deviation in training, cut at {largest:g} deviations.
  One that never changed in training is multiplied by zero. So go all {width}.
- **direct**: as it is, into the logit of its sample, past the recurrent part.
- **steady**: as it is, averaged over the samples in which its group is present, into the logit of
  all of them."""
GROUP = """Every group of classes has the columns `GROUP.FEATURE` of the table after this one. A
class is called `REGION_WORD` on its detector's card, the kind is that of the detector; a class of a
word that came after this version counts in its kind and in `all`. Detectors that could not judge a
face, since it is too small for them, count in no group of that sample."""


def page() -> str:
    """docs/features.md."""
    parts = [
        "# Features of the temporal model",
        INTRO.format(version=FEATURE_VERSION, width=WIDTH, largest=LARGEST),
        f"## Groups\n\n{GROUP}",
        table(("group", "columns", "classes that count in it"), map(_group, GROUPS)).rstrip(),
        "### Why words and not classes",
        _reason(),
        "## Of every group",
        _features(GROUP_FEATURES, [f"+{number}" for number in range(len(GROUP_FEATURES))]),
        "Columns count from the group's first. Where `present` is 0 the others are, too.",
        "## Of the face",
        _features(
            {f"face.{name}": one for name, one in FACE_FEATURES.items()},
            [str(NAMES.index(f"face.{name}")) for name in FACE_FEATURES],
        ),
        "## By way",
        "\n".join(
            f"- {way}: {', '.join(f'`{name}`' for name in names)}"
            for way, names in (("direct", DIRECT), ("steady", STEADILY))
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _group(name: str) -> tuple[str, str, str]:
    """Name, columns and members of a group, as a row."""
    first = NAMES.index(f"{name}.{next(iter(GROUP_FEATURES))}")
    what, _, word = name.partition("_")
    members = {
        "all": "all",
        "kind": f"those of detectors of the kind `{word}`",
        "word": f"those of the artifact word `{word}`, of any region",
    }[what]
    return f"`{name}`", f"{first}–{first + len(GROUP_FEATURES) - 1}", members


def _features(features: Mapping[str, Feature], columns: list[str]) -> str:
    return table(
        ("name", "column", "meaning", "unit", "range"),
        [
            (f"`{name}`", column, one.meaning, one.unit, _range(one))
            for (name, one), column in zip(features.items(), columns, strict=True)
        ],
    ).rstrip()


def _range(one: Feature) -> str:
    low, high = (f"{end:.4g}" for end in (one.low, one.high))
    if math.isinf(one.high):
        return "any" if math.isinf(one.low) else f"{low} and more"
    return f"{low} to {high}"


def _reason() -> str:
    """The last paragraph of the docstring of `fakecheck.features`."""
    return (inspect.getdoc(fakecheck.features) or "").rpartition("\n\n")[2]


@cli
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("docs/features.md"),
    show_default=True,
    help="The page to write.",
)
def main(output: Path) -> None:
    """Write the page on the features that the temporal model reads."""
    with atomic_path(output) as temporary:
        temporary.write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
