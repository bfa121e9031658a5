"""docs/accuracy.md: whether the probability means what it says."""

from __future__ import annotations

from fakecheck_training.accuracy.results import ALL, KNOWN, Results
from fakecheck_training.accuracy.words import title
from fakecheck_training.curves import BINS, FEW, calibration_error
from fakecheck_training.draws.held_back import DATASET as SIMULATED
from fakecheck_training.markdown import table

HOLDS = """The probability holds at even odds and for this mix of families: where fakes are rarer,
or others, the same number means something else, as the single sets show."""
BY_SET = f"""Each set's fakes with its own reals, where there are {FEW} or more of both, and at the
end all of them. *By chance* is the error that a perfectly calibrated probability shows on as many
pictures, on average and at most in 95 of 100 cases (simulated)."""


def probability_section(results: Results) -> str:
    """The reliability diagram as a table, and the errors set by set."""
    samples = [sample for sample in results.samples if sample.dataset != SIMULATED]
    fakes = sum(sample.fake for sample in samples)
    errors = {name: calibration_error(bins) for name, bins in results.bins.items()}
    found = f"**{errors[ALL]:.3f}**"
    if not results.all_known:
        found = (
            f"**{errors[KNOWN]:.3f}** where a detector stands for the family (first three columns),"
            f" {found} over all families (last three): what is not known is called real with a"
            " confidence that it does not deserve"
        )
    return (
        f"The probability assumes even odds, so fakes and reals weigh the same here, whatever their"
        f" numbers ({fakes} fakes, {len(samples) - fakes} reals); pictures with nothing to judge"
        f" have no probability and are left out. Expected calibration error in {BINS}"
        f" bins: {found}.{_by_chance(results)} {HOLDS}\n\n"
        f"![reliability diagram](reliability.png)\n\n{_bins(results)}\n{BY_SET}\n\n"
        + _errors(results)
    )


def _by_chance(results: Results) -> str:
    found = [row.chance for row in results.errors if row.name == ALL]
    if not found:
        return ""
    mean, most = found[0]
    return (
        f" A perfectly calibrated probability would show {mean:.3f} on average, by chance, and at"
        f" most {most:.3f} in 95 of 100 cases."
    )


def _bins(results: Results) -> str:
    by_name = {name: {bin_.low: bin_ for bin_ in bins} for name, bins in results.bins.items()}
    names = (ALL,) if results.all_known else (KNOWN, ALL)
    rows = []
    for low in sorted(set().union(*(by_name[name] for name in names))):
        shown: list[int | str] = []
        for name in names:
            one = by_name[name].get(low)
            shown += (
                ["–"] * 3 if one is None else [one.pictures, f"{one.mean:.2f}", f"{one.fake:.2f}"]
            )
        rows.append((f"{low:.2f} to {low + 1 / BINS:.2f}", *shown))
    return table(("probability", *("pictures", "mean", "fakes") * len(names)), rows)


def _errors(results: Results) -> str:
    rows = []
    for row in results.errors:
        if row.name == KNOWN and results.all_known:
            continue
        name = f"**{row.name}**" if row.name in (ALL, KNOWN) else title(row.name)
        figures = (f"{figure:.3f}" for figure in (row.error, *row.chance))
        rows.append((name, row.fakes, row.reals, *figures))
    return table(("set", "fakes", "reals", "ECE", "by chance", "95th percentile"), rows)
