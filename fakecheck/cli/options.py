"""The options that `detect` and `video` share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fakecheck.cli.shared import TRUSTED_ONLY
from fakecheck.engines import ENGINES
from fakecheck.media import Limits, Sampling
from fakecheck.report.catalogue import LANGUAGES
from fakecheck.types import FALSE_ALARM_RANGE, FALSE_ALARM_RATE

_LIMITS = Limits()
_SAMPLING = Sampling()


class FrameCount(click.ParamType):
    """A positive number of frames, or `all`."""

    name = "N|all"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | str:
        if value == "all" or isinstance(value, int):
            return value
        try:
            count = int(value)
        except ValueError:
            count = 0
        if count < 1:
            self.fail(f"{value!r} is neither a positive number nor 'all'", param, ctx)
        return count


class Finite(click.FloatRange):
    """A number of that range that is neither infinite nor none at all."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number", param, ctx)
        return number


class ClipTime(click.ParamType):
    """A time in a clip: seconds, or [hours:]minutes:seconds."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        if isinstance(value, float):
            return value
        parts = str(value).split(":")
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        sound = all(math.isfinite(n) and n >= 0 for n in numbers) and len(numbers) in (1, 2, 3)
        if not sound or any(n >= 60 for n in numbers[1:]):
            self.fail(f"{value!r} is neither seconds nor [hours:]minutes:seconds", param, ctx)
        return sum(n * 60**power for power, n in enumerate(reversed(numbers)))


_OUTPUT = (
    click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json", "jsonl", "csv"]),
        default="text",
        show_default=True,
        help="How reports are printed; jsonl prints one a line as it is ready.",
    ),
    click.option(
        "--output",
        "-o",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write the reports there instead of printing them.",
    ),
    click.option(
        "--annotate",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Write each picture and clip there with boxes, labels, scores and the verdict.",
    ),
    click.option(
        "--timeline",
        type=click.Path(path_type=Path),
        metavar="PNG|DIR",
        help="Draw each face's probability over the seconds of a clip there; of several clips "
        "into a folder.",
    ),
    click.option(
        "--html",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write one page for people there, with marked frames: no script, no network.",
    ),
    click.option(
        "--lang",
        type=click.Choice(LANGUAGES),
        default="en",
        show_default=True,
        help="Language of the page that --html writes.",
    ),
    click.option(
        "--csv",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write a table there with a row for each box, and one for a file without boxes, "
        "besides what --format prints.",
    ),
    click.option("--faces", "show_faces", is_flag=True, help="Show the faces found, too."),
    click.option(
        "--fail-on-fake", is_flag=True, help="Exit with code 10 when a file is judged fake."
    ),
    click.option("--quiet", "-q", is_flag=True, help="No progress bars."),
    click.option(
        "--verbose",
        "-v",
        is_flag=True,
        help="Show all boxes, families and faces, details of the file, versions, and the files "
        "written.",
    ),
)

_DETECTORS = (
    click.option(
        "--only",
        multiple=True,
        metavar="ID",
        help="Run only this detector or family; may be repeated.",
    ),
    click.option(
        "--skip", multiple=True, metavar="ID", help="Leave this one out; may be repeated."
    ),
    TRUSTED_ONLY,
    click.option(
        "--engine",
        type=click.Choice(ENGINES),
        default="auto",
        show_default=True,
        help="What runs the graphs; auto takes onnx where a detector has a model.onnx.",
    ),
    click.option(
        "--device",
        default="auto",
        show_default=True,
        metavar="auto|cpu|cuda:N",
        help="Where the graphs run.",
    ),
    click.option(
        "--threads", type=click.IntRange(1, 256), metavar="N", help="Threads a stage.  [one a core]"
    ),
    click.option(
        "--min-face",
        type=Finite(1),
        metavar="PX",
        help="Don't judge faces whose longer side is shorter.  [as each detector's card says]",
    ),
    click.option(
        "--false-alarm-rate",
        type=Finite(*FALSE_ALARM_RANGE),
        default=FALSE_ALARM_RATE,
        show_default=True,
        metavar="SHARE",
        help="Share of real files that is to be called fake at most; a higher one finds more. No "
        "limit goes under even odds.",
    ),
)

_SAMPLES = (
    click.option(
        "--frames",
        type=FrameCount(),
        metavar="N|all",
        help=f"Look at N frames spread over each clip.  [{_SAMPLING.frames}]",
    ),
    click.option(
        "--every", type=click.IntRange(1), metavar="N", help="Look at each N-th frame instead."
    ),
    click.option(
        "--fps",
        type=Finite(0, min_open=True),
        metavar="X",
        help="Look at X frames of each second instead.",
    ),
    click.option(
        "--start",
        type=ClipTime(),
        default=0.0,
        metavar="TIME",
        help="Skip what comes before: seconds, or hours:minutes:seconds.",
    ),
    click.option(
        "--end", type=ClipTime(), metavar="TIME", help="Skip what comes after.  [the clip's end]"
    ),
    click.option(
        "--max-pixels",
        type=click.IntRange(1),
        default=_LIMITS.max_pixels,
        show_default=True,
        metavar="N",
        help="Refuse pictures and clips with larger frames.",
    ),
    click.option(
        "--max-frames",
        type=click.IntRange(1),
        default=_LIMITS.max_frames,
        show_default=True,
        metavar="N",
        help="Limit of frames a clip.",
    ),
    click.option(
        "--max-seconds",
        type=Finite(0, min_open=True),
        default=_LIMITS.max_seconds,
        show_default=True,
        metavar="S",
        help="Limit of seconds a clip.",
    ),
)


class MediaPath(click.Path):
    """A path, but not an empty one: of an unset variable that would be the folder one is in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("a path is empty", param, ctx)
        return super().convert(value, param, ctx)


def media_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the arguments and options of `detect` and `video` to `command`."""
    command = click.argument(
        "paths", nargs=-1, required=True, type=MediaPath(path_type=Path), metavar="PATH..."
    )(command)
    for option in reversed((*_OUTPUT, *_DETECTORS, *_SAMPLES)):
        command = option(command)
    return command


def sampling_of(
    frames: int | str | None, every: int | None, fps: float | None, start: float, end: float | None
) -> Sampling:
    """What `--frames`, `--every`, `--fps`, `--start` and `--end` mean together."""
    named = {"--frames": frames, "--every": every, "--fps": fps}
    given = [name for name, value in named.items() if value is not None]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} exclude each other")
    if end is not None and end <= start:
        raise click.UsageError("--end must be after --start")
    count = None if given else _SAMPLING.frames
    if isinstance(frames, int):
        count = frames
    return Sampling(count, every, fps, start, end)
