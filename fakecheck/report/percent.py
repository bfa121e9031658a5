"""Probabilities in percent, with as many digits as keep them on their side of a limit."""

from __future__ import annotations

from fakecheck.types import FaceVerdict, Verdict

# From here on a probability would be rounded to 100 %.
NEARLY_ALL = 0.995
# A limit has one digit after the point: between 95.3 % and 95.0 % lies a verdict.
LIMIT_DIGITS = 1
MOST_DIGITS = 2


def extreme(probability: float) -> bool:
    """Whether no number is given, which would claim certainty."""
    return probability >= NEARLY_ALL or probability <= 1 - NEARLY_ALL


def percent(probability: float, digits: int = 0) -> str:
    """In English, as people write it, without claiming certainty."""
    if extreme(probability):
        return "over 99%" if probability >= NEARLY_ALL else "under 1%"
    return f"{probability:.{digits}%}"


def limit_percent(limit: float, digits: int = 0) -> str:
    """A limit beside a probability with so many `digits`."""
    return f"{limit:.{max(LIMIT_DIGITS, digits)}%}"


def digits_of(verdict: Verdict, face: FaceVerdict | None = None, least: int = 0) -> int:
    """Digits after the point, `least` to 2, with which the probability of `verdict`, or of a `face`
    of that file, is shown on the side of its limits, as they are shown, on which it lies.
    """
    whose = verdict if face is None else face
    probability = whose.probability
    over = verdict.threshold if whose.threshold is None else whose.threshold
    if probability is None:
        return least
    limits = [limit for limit in (verdict.real_below, over) if limit is not None]
    for digits in range(least, MOST_DIGITS):
        if all(_told_apart(probability, limit, digits) for limit in limits):
            return digits
    return MOST_DIGITS


def _told_apart(probability: float, limit: float, digits: int) -> bool:
    """Whether the rounded numbers stand to each other as the exact ones do."""
    shown = round(100 * probability, digits)
    shown_limit = round(100 * limit, max(LIMIT_DIGITS, digits))
    if probability == limit:
        return shown == shown_limit
    return shown < shown_limit if probability < limit else shown > shown_limit
