"""The options that `detect` and `video` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fakecheck.engines import ENGINES
from fakecheck.media import Limits, Sampling

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
        "--csv",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write a row a box there, besides what --format prints.",
    ),
    click.option("--faces", "show_faces", is_flag=True, help="Show the faces found, too."),
    click.option(
        "--fail-on-fake", is_flag=True, help="Exit with code 10 when a file is judged fake."
    ),
    click.option("--quiet", "-q", is_flag=True, help="No progress bars."),
    click.option("--verbose", "-v", is_flag=True, help="All boxes, and the files written."),
)

_DETECTORS = (
    click.option(
        "--only", multiple=True, metavar="ID", help="Run this detector or family; may be repeated."
    ),
    click.option(
        "--skip", multiple=True, metavar="ID", help="Leave this one out; may be repeated."
    ),
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
        type=click.FloatRange(1),
        metavar="PX",
        help="Don't judge faces whose longer side is shorter.  [as each detector's card says]",
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
        type=click.FloatRange(0, min_open=True),
        default=_LIMITS.max_seconds,
        show_default=True,
        metavar="S",
        help="Limit of seconds a clip.",
    ),
)


def media_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the arguments and options of `detect` and `video` to `command`."""
    command = click.argument(
        "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH..."
    )(command)
    for option in reversed((*_OUTPUT, *_DETECTORS, *_SAMPLES)):
        command = option(command)
    return command


def sampling_of(frames: int | str | None, every: int | None) -> Sampling:
    """What `--frames` and `--every` mean together."""
    if frames is not None and every is not None:
        raise click.UsageError("--frames and --every exclude each other")
    if every is not None:
        return Sampling(frames=None, every=every)
    if frames == "all":
        return Sampling(frames=None)
    return _SAMPLING if frames is None else Sampling(frames=int(frames))
