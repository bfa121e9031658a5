"""One face through every detector, warm, on one core: milliseconds each and in sum."""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from fakecheck import load_detectors
from fakecheck.detector import cut_crops
from fakecheck.faces import FaceFinder
from fakecheck.media import Sampling, open_media

PICTURE = Path(__file__).parent.parent / "tests" / "resources" / "forged_face.jpg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    detectors = load_detectors().by_device["cpu"]
    frame = next(iter(open_media(PICTURE).frames(Sampling())))
    faces = FaceFinder(fine=True).find(frame.image)[:1]
    if not faces:
        raise SystemExit(f"no face was found in {PICTURE}")
    times: dict[str, list[float]] = {
        name: [] for name in ("crops", *(d.card.id for d in detectors))
    }
    cards = [detector.card for detector in detectors]
    for _ in range(given.rounds):
        start = time.perf_counter()
        crops = cut_crops(frame.image, faces, cards)  # once for all, as the workers get them
        times["crops"].append(1000 * (time.perf_counter() - start))
        for detector in detectors:  # in turn, so that a slow moment shifts all alike
            start = time.perf_counter()
            detector.detect([crops])
            times[detector.card.id].append(1000 * (time.perf_counter() - start))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, value in sorted(medians.items()):
        print(f"{name:16s} {value:5.1f} ms")
    print(f"{'all':16s} {sum(medians.values()):5.1f} ms")


if __name__ == "__main__":
    main()
