"""Wall time of `fakecheck detect` on one picture, from start to exit, with all detectors."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

PICTURE = Path(__file__).parent.parent / "tests" / "resources" / "forged_face.jpg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    command = [sys.executable, "-m", "fakecheck", "detect", str(PICTURE)]
    times = []
    for _ in range(given.runs):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    print(
        f"{given.runs} cold starts: median {statistics.median(times):.2f} s, "
        f"min {min(times):.2f} s, max {max(times):.2f} s"
    )


if __name__ == "__main__":
    main()
