"""The timeline of a clip as shapes: what its PNG and its SVG draw alike.

Coordinates are in pixels of a canvas of the plot's width and height, y down.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from fakecheck.report.moments import clock, in_seconds
from fakecheck.report.tiles import Color, report_colors
from fakecheck.types import Moment, Report

Point = tuple[float, float]

LEFT, RIGHT, TOP = 46.0, 58.0, 12.0
CURVES_HEIGHT = 210.0
AXIS_HEIGHT = 40.0
LANE_TITLE, LANE_BAR, LANE_GAP = 17.0, 20.0, 6.0
# More lines cannot be told apart; of more faces the likeliest forged are drawn.
MAX_FACES = 5
# Points a line beyond which neighbours share a pixel or two: of each group the highest is kept.
MAX_POINTS = 400
# A longer pause, in usual distances between samples, parts a line.
PAUSE = 2.5
# Labels at the ends of lines keep this distance.
LABEL_STEP = 14.0
# A bar is full for evidence of 100 to 1, "decisive" for Jeffreys (Theory of Probability, 1961,
# appendix B), or for the strongest in the clip if that is more.
FULL_LLR = math.log(100)
# A pixel: the least height of a bar. A family whose bars would all be lower has no lane.
MIN_BAR = 1.0


@dataclass(frozen=True)
class Rect:
    """Left, top, width, height."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Tick:
    """A mark on an axis at `place`, with its text."""

    place: float
    text: str


@dataclass(frozen=True)
class Curve:
    """A face's probability over time, in `runs` without a pause; `rank` 0 is the worst face."""

    track: int | None
    rank: int
    runs: tuple[tuple[Point, ...], ...]
    label: Point

    @property
    def points(self) -> int:
        return sum(len(run) for run in self.runs)


@dataclass(frozen=True)
class Lane:
    """A family's evidence over time: `bars` stand on the lower edge of `area`."""

    family: str
    color: Color
    title: Point
    area: Rect
    bars: tuple[Rect, ...]


@dataclass(frozen=True)
class Plot:
    """Everything to draw, the `bare` families without a bar, and how many faces are left out."""

    width: float
    height: float
    area: Rect
    times: tuple[Tick, ...]
    levels: tuple[Tick, ...]
    in_minutes: bool
    threshold: float | None
    doubt: Rect | None
    spans: tuple[Rect, ...]
    curves: tuple[Curve, ...]
    lanes: tuple[Lane, ...]
    bare: tuple[str, ...]
    left_out: int


def plot(report: Report, width: float) -> Plot:
    """The timeline of `report`, `width` pixels wide; how high depends on its families."""
    area = Rect(LEFT, TOP, width - LEFT - RIGHT, CURVES_HEIGHT)
    last = max([moment.time for moment in report.timeline], default=0.0)
    last = max([last, report.media.duration or 0.0, *(span.end for span in report.spans)])
    scale = _Scale(area, last or 1.0)
    moments: dict[int | None, list[Moment]] = defaultdict(list)
    for moment in report.timeline:
        moments[moment.track].append(moment)
    tracks = _worst_first(report, moments)
    lanes, bare = _lanes(report, scale, area.y + area.height + AXIS_HEIGHT)
    bottom = max([lane.area.y + lane.area.height for lane in lanes], default=scale.bottom + 34)
    threshold = report.verdict.threshold
    return Plot(
        width=width,
        height=bottom + 8,
        area=area,
        times=_time_ticks(scale, last or 1.0),
        levels=tuple(Tick(scale.y(n / 4), f"{25 * n}%") for n in range(5)),
        in_minutes=not in_seconds(last),
        threshold=None if threshold is None else scale.y(threshold),
        doubt=_between(scale, report.verdict.real_below, threshold),
        spans=_spans(report, scale, bottom),
        curves=_curves([(track, moments[track]) for track in tracks[:MAX_FACES]], scale),
        lanes=lanes,
        bare=bare,
        left_out=max(0, len(tracks) - MAX_FACES),
    )


class _Scale:
    """Seconds and probabilities → pixels of the canvas."""

    def __init__(self, area: Rect, last: float) -> None:
        self.area, self._last = area, last
        self.bottom = area.y + area.height

    def x(self, seconds: float) -> float:
        return round(self.area.x + self.area.width * seconds / self._last, 2)

    def y(self, probability: float) -> float:
        return round(self.bottom - self.area.height * probability, 2)


def _worst_first(report: Report, moments: dict[int | None, list[Moment]]) -> list[int | None]:
    """By what is said of the face; of one of which nothing is said, by its mean."""
    said = {
        row.track: row.probability for row in report.face_verdicts if row.probability is not None
    }

    def worst(track: int | None) -> tuple[bool, float]:
        values = [moment.probability for moment in moments[track]]
        return track in said, said.get(track, sum(values) / len(values))

    return sorted(moments, key=worst, reverse=True)


def _time_ticks(scale: _Scale, last: float) -> tuple[Tick, ...]:
    room = max(2, int(scale.area.width // 70))
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
    step = next((step for step in steps if last / step <= room), 7200)
    count = int(last / step + 1e-6) + 1
    return tuple(Tick(scale.x(n * step), clock(n * step).removesuffix(".0")) for n in range(count))


def _between(scale: _Scale, low: float | None, high: float | None) -> Rect | None:
    """The band in which a value is neither real nor fake."""
    if low is None or high is None or high <= low:
        return None
    top, bottom = scale.y(high), scale.y(low)
    return Rect(scale.area.x, top, scale.area.width, round(bottom - top, 2))


def _spans(report: Report, scale: _Scale, bottom: float) -> tuple[Rect, ...]:
    """Shades over the seconds that carried the verdict, two that overlap as one."""
    joined: list[list[float]] = []
    for span in sorted(report.spans, key=lambda span: span.start):
        if joined and span.start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], span.end)
        else:
            joined.append([span.start, span.end])
    rects = []
    for start, end in joined:
        left, right = scale.x(start), scale.x(end)
        # A span of one frame has no width of its own.
        wide = max(3.0, right - left)
        rects.append(Rect(left, scale.area.y, round(wide, 2), round(bottom - scale.area.y, 2)))
    return tuple(rects)


def _curves(rows: Sequence[tuple[int | None, list[Moment]]], scale: _Scale) -> tuple[Curve, ...]:
    curves = []
    for rank, (track, moments) in enumerate(rows):
        moments = _thinned(sorted(moments, key=lambda moment: moment.time))
        runs = tuple(
            tuple((scale.x(moment.time), scale.y(moment.probability)) for moment in run)
            for run in _runs(moments)
        )
        x, y = runs[-1][-1]
        curves.append(Curve(track, rank, runs, (x + 5, y)))
    return _apart(curves, scale)


def _thinned(moments: list[Moment]) -> list[Moment]:
    group = math.ceil(len(moments) / MAX_POINTS)
    return [
        max(moments[start : start + group], key=lambda moment: moment.probability)
        for start in range(0, len(moments), group)
    ]


def _runs(moments: list[Moment]) -> Iterable[list[Moment]]:
    pairs = list(pairwise(moments))
    usual = median(after.time - before.time for before, after in pairs) if pairs else 0.0
    run = moments[:1]
    for before, after in pairs:
        if after.time - before.time > PAUSE * usual:
            yield run
            run = []
        run.append(after)
    yield run


def _apart(curves: list[Curve], scale: _Scale) -> tuple[Curve, ...]:
    """The curves with labels that do not lie on each other: pushed down, then up from the edge."""
    order = sorted(curves, key=lambda curve: curve.label[1])
    places: list[float] = []
    for curve in order:
        lowest = places[-1] + LABEL_STEP if places else scale.area.y + 4
        places.append(max(curve.label[1], lowest))
    limit = scale.bottom - 4
    for number in reversed(range(len(places))):
        places[number] = min(places[number], limit)
        limit = places[number] - LABEL_STEP
    moved = {
        curve.rank: (curve.label[0], round(y, 2)) for curve, y in zip(order, places, strict=True)
    }
    return tuple(Curve(curve.track, curve.rank, curve.runs, moved[curve.rank]) for curve in curves)


def _lanes(report: Report, scale: _Scale, top: float) -> tuple[tuple[Lane, ...], tuple[str, ...]]:
    """A lane a family, the most probable first, of the best that any face shows at a time; families
    that never reach a visible bar have none, but the first where no other has, and are named.
    """
    best: dict[str, dict[float, float]] = defaultdict(dict)
    for moment in report.timeline:
        for family, llr in moment.families.items():
            known = best[family].get(moment.time, -math.inf)
            best[family][moment.time] = max(known, llr)
    probability = {row.family: row.probability for row in report.families}
    names = sorted(best, key=lambda family: (-probability.get(family, 0.0), family))
    colors = report_colors(report)
    full = max([FULL_LLR, *(llr for rows in best.values() for llr in rows.values())])
    shown = [name for name in names if _height(max(best[name].values()), full) >= MIN_BAR]
    shown = shown or names[:1]
    lanes = []
    for number, name in enumerate(shown):
        y = top + number * (LANE_TITLE + LANE_BAR + LANE_GAP)
        area = Rect(scale.area.x, y + LANE_TITLE, scale.area.width, LANE_BAR)
        bars = _bars(sorted(best[name].items()), scale, area, full)
        lanes.append(Lane(name, colors[name], (scale.area.x, y + LANE_TITLE - 5), area, bars))
    return tuple(lanes), tuple(name for name in names if name not in shown)


def _height(llr: float, full: float) -> float:
    return LANE_BAR * llr / full


def _bars(
    rows: list[tuple[float, float]], scale: _Scale, area: Rect, full: float
) -> tuple[Rect, ...]:
    """Bars for evidence that speaks for the family; where several share a place, the tallest."""
    steps = [after - before for (before, _), (after, _) in pairwise(rows)]
    distance = scale.x(median(steps)) - scale.area.x if steps else 8.0
    width = round(max(1.5, min(10.0, 0.7 * distance)), 2)
    tallest: dict[float, float] = {}
    for time, llr in rows:
        place = round(scale.x(time) / 1.5) * 1.5 if distance < 2 else scale.x(time)
        tallest[place] = max(tallest.get(place, 0.0), llr)
    bars = []
    for place, llr in tallest.items():
        if llr > 0:
            height = round(max(MIN_BAR, _height(llr, full)), 2)
            x = min(max(area.x, place - width / 2), area.x + area.width - width)
            bars.append(Rect(round(x, 2), round(area.y + area.height - height, 2), width, height))
    return tuple(bars)
