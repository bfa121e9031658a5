"""`fakecheck video` on a 720p clip and on one ten times as long, at 25 frames and at every frame:
frames a second from process start to exit (at 25 frames in the middle one of five runs), processor
time, peak memory; and what share of the processor's time each stage takes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from clips import FPS, HEIGHT, WIDTH, make_clip
from shares import STAGES, shares

from fakecheck.loading import load_detectors
from fakecheck.media import Sampling
from fakecheck.temporal import usable_model

# Runs the command and prints its processor seconds and the peak of its resident memory in KiB
# (Linux; bytes on macOS).
RUNNER = """
import resource, sys
from fakecheck.cli.main import run
code = run(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
SAMPLINGS = {"25": Sampling(), "all": Sampling(frames=None)}
# Of two to four seconds the start is a large part, and varies with what the machine holds ready.
RUNS = {"25": 5, "all": 1}


@dataclass(frozen=True)
class Run:
    """One run of the command: wall and processor seconds, peak MiB."""

    wall: float
    processor: float
    peak: float


def measure(clip: Path, frames: str) -> Run:
    """The middle one, by seconds, of some runs."""
    runs = sorted((run_once(clip, frames) for _ in range(RUNS[frames])), key=lambda run: run.wall)
    return runs[len(runs) // 2]


def run_once(clip: Path, frames: str) -> Run:
    """From a cold start of the process to its exit."""
    start = time.perf_counter()
    command = [sys.executable, "-c", RUNNER, "video", str(clip), "--frames", frames]
    done = subprocess.run(
        [*command, "--format", "jsonl"], check=True, capture_output=True, text=True
    )
    wall = time.perf_counter() - start
    processor, peak = done.stderr.split()[-2:]
    return Run(
        wall, float(processor), int(peak) / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    )


def print_runs(clips: dict[int, Path], seconds: float) -> None:
    """A line for every sampling and clip."""
    for frames in SAMPLINGS:
        peaks = {}
        for factor, clip in clips.items():
            count = round(factor * seconds * FPS)
            looked = count if frames == "all" else min(count, 25)
            run = measure(clip, frames)
            peaks[factor] = run.peak
            print(
                f"--frames {frames:3}  {factor * seconds:5.0f} s clip: {run.wall:6.2f} s, "
                f"{looked / run.wall:6.1f} frames/s looked at, {count / run.wall:6.1f} frames/s of "
                f"the clip, {1000 * run.processor / looked:5.0f} ms of processor a frame looked "
                f"at, peak {run.peak:4.0f} MiB",
                flush=True,
            )
        if len(peaks) > 1:
            print(f"--frames {frames:3}  peak, ten times as long: x {peaks[10] / peaks[1]:.3f}")


def print_shares(clip: Path) -> None:
    """What each stage takes of the processor's time, without start and loading."""
    detectors = load_detectors(device="cpu")
    model = usable_model()
    name = f"temporal model {model.card.version}" if model else "none"
    print(f"stages alone, one thread, {len(detectors.cards)} detectors, temporal model: {name}")
    for frames, sampling in SAMPLINGS.items():
        spent, count = shares(clip, sampling, detectors)
        total = sum(spent.values())
        told = ", ".join(f"{stage} {100 * spent[stage] / total:.1f} %" for stage in STAGES)
        print(f"--frames {frames:3}  {1000 * total / count:5.1f} ms a frame looked at: {told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="length of the short clip")
    parser.add_argument("--short", action="store_true", help="leave out the clip ten times as long")
    given = parser.parse_args()
    print(f"{WIDTH} x {HEIGHT}, {FPS} frames/s, one face; {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        clips = {
            factor: make_clip(Path(folder) / f"clip{factor}.mp4", factor * given.seconds)
            for factor in ((1,) if given.short else (1, 10))
        }
        print_runs(clips, given.seconds)
        print_shares(clips[1])


if __name__ == "__main__":
    main()
