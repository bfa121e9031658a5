"""`fakecheck video` on a 720p clip of 10 s and on one ten times as long: frames a second, peak
memory.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clips import FPS, make_clip

# Runs the command and prints the peak of its resident memory in KiB (Linux; bytes on macOS).
RUNNER = """
import resource, sys
from fakecheck.cli.main import run
code = run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def measure(clip: Path, frames: str) -> tuple[float, float]:
    """Wall seconds from a cold start, and peak MiB."""
    start = time.perf_counter()
    command = [sys.executable, "-c", RUNNER, "video", str(clip), "--frames", frames]
    done = subprocess.run(
        [*command, "--format", "jsonl"], check=True, capture_output=True, text=True
    )
    wall = time.perf_counter() - start
    peak = int(done.stderr.split()[-1])
    return wall, peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="length of the short clip")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clips = {
            factor: make_clip(Path(folder) / f"clip{factor}.mp4", factor * given.seconds)
            for factor in (1, 10)
        }
        for frames in ("25", "all"):
            peaks = {}
            for factor, clip in clips.items():
                count = factor * given.seconds * FPS if frames == "all" else 25
                wall, peaks[factor] = measure(clip, frames)
                print(
                    f"--frames {frames:3}  {factor * given.seconds:5.0f} s clip: {wall:6.2f} s, "
                    f"{count / wall:6.1f} frames/s looked at, peak {peaks[factor]:5.0f} MiB"
                )
            print(f"--frames {frames:3}  peak, ten times as long: x {peaks[10] / peaks[1]:.3f}")


if __name__ == "__main__":
    main()
