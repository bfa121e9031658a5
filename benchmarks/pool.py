"""The worker pool against the predecessor's way, and against the sum of its parts.

The predecessor (Heo and Cho 2020) held one TensorFlow session a detector, started a thread a
detector and joined it before the next one started, one frame at a time. Both sides look at every
frame of the same clip with the same graphs. The sum of the parts is decode + faces + detectors,
each alone on all cores.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from clips import make_clip

from fakecheck.detector import Detector, cut_crops
from fakecheck.faces import FaceFinder
from fakecheck.loading import load_detectors
from fakecheck.media import Sampling, open_media
from fakecheck.pipeline import Options, check_files
from fakecheck.stages import FRAMES_A_CALL

EVERY = Sampling(frames=None)


def seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def with_pool(clip: Path, engine: str) -> Callable[[], Any]:
    detectors = load_detectors(engine=engine, device="cpu")
    return lambda: list(check_files([clip], detectors, Options(sampling=EVERY)))


def predecessors_way(clip: Path, engine: str) -> Callable[[], Any]:
    detectors = load_detectors(engine=engine, device="cpu")
    finder = FaceFinder()

    def run() -> None:
        for frame in open_media(clip).frames(EVERY):
            crops = cut_crops(frame.image, finder.find(frame.image, retry=False), detectors.cards)
            for detector in detectors.by_device["cpu"]:
                thread = threading.Thread(target=detector.detect, args=([crops],))
                thread.start()
                thread.join()

    return run


def parts(clip: Path, threads: int) -> dict[str, float]:
    """Seconds of each stage alone, over a stretch of frames held in memory."""
    detectors = load_detectors(device="cpu")
    decode = seconds(lambda: [None for _ in open_media(clip).frames(EVERY)])
    total = sum(1 for _ in open_media(clip).frames(EVERY))
    held = [
        frame.image for frame, _ in zip(open_media(clip).frames(EVERY), range(100), strict=False)
    ]
    finder = FaceFinder()

    def spread(work: Callable[[Any], Any], items: Iterable[Any]) -> float:
        with ThreadPoolExecutor(threads) as pool:
            return seconds(lambda: list(pool.map(work, items))) * total / len(held)

    def look(image: Any) -> Any:
        return cut_crops(image, finder.find(image, retry=False), detectors.cards)

    faces = spread(look, held)
    crops = [look(image) for image in held]
    batches = [crops[i : i + FRAMES_A_CALL] for i in range(0, len(crops), FRAMES_A_CALL)]

    def detect(batch: Any) -> None:
        for detector in detectors.by_device["cpu"]:
            _run(detector, batch)

    return {"decode": decode, "faces and crops": faces, "detectors": spread(detect, batches)}


def _run(detector: Detector, batch: Any) -> None:
    detector.detect(batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=8, help="length of the clip")
    parser.add_argument("--runs", type=int, default=3, help="rounds; the median is printed")
    parser.add_argument("--threads", type=int, default=2, help="for the parts alone")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = make_clip(Path(folder) / "clip.mp4", given.seconds)
        sides = {
            "pool, ONNX": with_pool(clip, "onnx"),
            "predecessor's way, ONNX": predecessors_way(clip, "onnx"),
        }
        if importlib.util.find_spec("tensorflow"):
            sides["pool, TensorFlow"] = with_pool(clip, "tensorflow")
            sides["predecessor's way, TensorFlow"] = predecessors_way(clip, "tensorflow")
        for run in sides.values():
            run()
        rounds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(given.runs):
            for name, run in sides.items():
                rounds[name].append(seconds(run))
        medians = {name: statistics.median(times) for name, times in rounds.items()}
        frames = given.seconds * 25
        print(f"{frames:.0f} frames of 1280 x 720, one face, median of {given.runs} rounds")
        for name, time_ in medians.items():
            ratio = time_ / medians["pool, ONNX"]
            print(f"  {name:32} {time_:7.2f} s {frames / time_:7.1f} frames/s   x {ratio:.2f}")
        alone = parts(clip, given.threads)
        total = sum(alone.values())
        print(f"parts alone on {given.threads} threads, for the same frames")
        for name, time_ in alone.items():
            print(f"  {name:32} {time_:7.2f} s")
        share = medians["pool, ONNX"] / total
        print(f"  {'sum':32} {total:7.2f} s           pool / sum = {share:.2f}")


if __name__ == "__main__":
    main()
