"""`fakecheck detect` and `fakecheck video`: the same command under two names."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Protocol

import click

from fakecheck.cli.annotate import Annotator, Names
from fakecheck.cli.options import media_options, sampling_of
from fakecheck.cli.output import Sink, check_outputs, open_sinks
from fakecheck.cli.progress import ProgressBars
from fakecheck.cli.timeline import TimelineDrawer
from fakecheck.errors import ExitCode, MediaError, OutputError
from fakecheck.loading import DetectorSet, load_detectors
from fakecheck.media import Limits, find_media
from fakecheck.media.find import identity, resolved
from fakecheck.pipeline import Options, Outcome, check_files
from fakecheck.plugins import PluginHost
from fakecheck.types import PLUGIN_STAGE

EPILOG = """\b
Examples:
  fakecheck detect photo.jpg
  fakecheck detect photos/ --format jsonl > reports.jsonl
  fakecheck detect photo.jpg --annotate out/
  fakecheck video clip.mp4 --annotate out/ --csv frames.csv
  fakecheck video clip.mp4 --html report.html --timeline timeline.png

Exit codes are listed by `fakecheck --help`.
"""


@click.command(epilog=EPILOG)
@media_options
def detect(**given: Any) -> int:
    """Judge pictures, clips and folders of them.

    Each file gets a verdict (real, fake or inconclusive), a probability, the families of generators
    behind it and the boxes that speak for them. Pictures and clips may be mixed.
    """
    return _scan(**given)


@click.command(epilog=EPILOG)
@media_options
def video(**given: Any) -> int:
    """Judge clips, pictures and folders of them.

    Does just what `fakecheck detect` does: by default 25 frames spread over each clip are looked
    at, every face is followed through them, and the worst face decides.
    """
    return _scan(**given)


def _scan(
    paths: tuple[Path, ...],
    form: str,
    output: Path | None,
    csv: Path | None,
    annotate: Path | None,
    timeline: Path | None,
    html: Path | None,
    lang: str,
    quiet: bool,
    verbose: bool,
    show_faces: bool,
    fail_on_fake: bool,
    **given: Any,
) -> int:
    options = Options(
        sampling=sampling_of(
            given["frames"], given["every"], given["fps"], given["start"], given["end"]
        ),
        limits=Limits(
            max_pixels=given["max_pixels"],
            max_frames=given["max_frames"],
            max_seconds=given["max_seconds"],
        ),
        min_face=given["min_face"],
        false_alarm_rate=given["false_alarm_rate"],
        threads=given["threads"],
    )
    # Without the flag the environment says.
    host = PluginHost.discover(trusted_only=given["trusted_only"] or None)
    detectors = load_detectors(given["only"], given["skip"], given["engine"], given["device"], host)
    single = len(paths) == 1 and not os.path.isdir(paths[0])
    # All of them first: what --annotate writes below a folder is not to be found there, nor what it
    # wrote the last time.
    outputs = {resolved(path) for path in (annotate, timeline) if path is not None}
    files = list(find_media(paths, outputs))
    writes = any((output, csv, html, annotate, timeline))
    inputs = {identity(path) for path in files} if writes else set()
    names = Names(inputs)
    drawer = TimelineDrawer(timeline, single, names) if timeline is not None else None
    written = {"--output": output, "--csv": csv, "--html": html}
    check_outputs({**written, "--timeline": drawer.file if drawer else None}, inputs)
    with ExitStack() as stack:
        sinks = stack.enter_context(
            open_sinks(form, output, csv, single=single, faces=show_faces, verbose=verbose)
        )
        bars = stack.enter_context(ProgressBars(enabled=not quiet))
        _tell_missing(detectors, host, bars.say)
        marker = Annotator(annotate, names, options.limits, bars) if annotate is not None else None
        page = None
        if html is not None:
            # Not at the top: the templates' engine takes its time, and most runs write no page.
            from fakecheck.cli.html import open_page

            page = stack.enter_context(open_page(html, lang, options, overview=not single))
        tally = _Tally(sinks, marker, drawer, page, bars, verbose=verbose)
        bars.expect(len(files))
        with closing(check_files(files, detectors, options, bars.progress)) as outcomes:
            for outcome in outcomes:
                bars.finished_file()
                tally.add(outcome)
    return tally.exit_code(fail_on_fake)


class Page(Protocol):
    """Takes outcomes one by one, also of files that could not be read."""

    def add(self, outcome: Outcome) -> None: ...


class _Tally:
    """Hands each outcome to where it belongs and remembers what the exit code depends on."""

    def __init__(
        self,
        sinks: list[Sink],
        marker: Annotator | None,
        drawer: TimelineDrawer | None,
        page: Page | None,
        bars: ProgressBars,
        verbose: bool,
    ) -> None:
        self._sinks = sinks
        self._marker = marker
        self._drawer = drawer
        self._page = page
        self._bars = bars
        self._say = bars.say
        self._verbose = verbose
        self._failed = False
        self._unwritten = False
        self._fake = False
        self._files = 0

    def add(self, outcome: Outcome) -> None:
        self._files += 1
        if self._page is not None:
            self._page.add(outcome)
        if outcome.same_as is not None:
            self._say(f"{outcome.path}: the same as {outcome.same_as}, not scored again")
            return
        if outcome.error is not None:
            self._failed = True
            self._say(f"Error: {outcome.error}")
        if outcome.report is None:
            return
        self._fake |= outcome.report.verdict.label == "fake"
        with self._bars.hidden():
            for sink in self._sinks:
                sink.add(outcome.report)
        if outcome.report.verdict.unjudged == "no_frame":
            return
        for write in (
            self._marker.mark if self._marker else None,
            self._drawer.draw if self._drawer else None,
        ):
            if write is not None:
                self._draw(write, outcome)
        if self._drawer and self._drawer.file and outcome.report.media.kind == "image":
            self._say(f"{outcome.path}: is a picture, which has no timeline")

    def _draw(self, write: Callable[[Outcome], Path | None], outcome: Outcome) -> None:
        """What cannot be drawn costs its own picture only."""
        try:
            written = write(outcome)
        except (MediaError, OutputError) as error:
            self._failed |= isinstance(error, MediaError)
            self._unwritten |= isinstance(error, OutputError)
            self._say(f"Error: {error}")
            return
        if self._verbose and written is not None:
            self._say(f"wrote {written}")

    def exit_code(self, fail_on_fake: bool) -> int:
        if self._fake and fail_on_fake:
            return int(ExitCode.FAKE_FOUND)
        if not self._files:
            self._say("Error: no picture and no clip was found in the folders given")
            return int(ExitCode.INPUT_FILE)
        if self._unwritten:
            return int(ExitCode.OUTPUT_FILE)
        return int(ExitCode.INPUT_FILE if self._failed else ExitCode.OK)


def _tell_missing(detectors: DetectorSet, host: PluginHost, say: Callable[[str], None]) -> None:
    if refused := sum(problem.refused for problem in host.problems):
        noun = "detector or plug-in is" if refused == 1 else "detectors or plug-ins are"
        say(
            f"Warning: {refused} {noun} not trusted and left out: fakecheck detectors list "
            "--trusted-only says why"
        )
    if broken := sum(not problem.refused for problem in host.problems):
        noun = "detector or plug-in" if broken == 1 else "detectors or plug-ins"
        state = "cannot be used and is" if broken == 1 else "cannot be used and are"
        say(f"Warning: {broken} {noun} {state} left out: fakecheck detectors list says why")
    for error in detectors.errors:
        if error.stage == PLUGIN_STAGE:  # counted above
            continue
        say(f"Warning: detector {error.detector} is left out: {error.message}")
