"""How far verdicts move when the same pictures and clips are stored in another way.

Every picture is judged as a PNG, in other formats, in quarter turns and tilted, its corners filled
with what they mirror; every clip at half its rate, and woven from its frames into interlaced ones.
Prints, for each way of storing, how many are called fake, inconclusive and real, and the mean
change of the log odds.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image as Pillow

from fakecheck import DetectorSet, MediaError, check_image, check_video, load_detectors
from fakecheck.media import find_media, open_media
from fakecheck.media.find import VIDEO_SUFFIXES
from fakecheck.types import Verdict

PICTURES: dict[str, tuple[str, dict[str, object], int]] = {
    "png": (".png", {}, 0),
    "jpeg, quality 75": (".jpg", {"quality": 75}, 0),
    "webp, quality 80": (".webp", {"quality": 80}, 0),
    "avif, quality 75": (".avif", {"quality": 75}, 0),
    "gif, 256 colours": (".gif", {}, 0),
    "turned by 90": (".png", {}, 90),
    "turned by 180": (".png", {}, 180),
    "turned by 270": (".png", {}, 270),
    "tilted by 10": (".png", {}, 10),
    "tilted by 20": (".png", {}, 20),
    "tilted by 45": (".png", {}, 45),
}
CLIPS = ("half rate", "woven")
MOST_FRAMES = 200
LEAST, MOST = 1e-4, 1 - 1e-4  # probabilities beyond count as these

Judged = dict[str, Verdict]


def judge_picture(path: Path, detectors: DetectorSet, folder: Path) -> Judged:
    """The verdict on `path` in each way of storing it."""
    picture = Pillow.fromarray(next(iter(open_media(path).frames())).image[..., ::-1])
    found = {}
    for name, (suffix, options, degrees) in PICTURES.items():
        copy = folder / f"picture{suffix}"
        _turned(picture, degrees).save(copy, **options)
        check: Callable[..., object] = check_video if suffix == ".gif" else check_image
        report = check(copy, detectors)
        found[name] = report.verdict  # type: ignore[attr-defined]
    return found


def _turned(picture: Pillow.Image, degrees: int) -> Pillow.Image:
    if degrees % 90 == 0:
        return picture.rotate(degrees, expand=True)
    size = picture.size
    turn = cv2.getRotationMatrix2D((size[0] / 2 - 0.5, size[1] / 2 - 0.5), degrees, 1)
    return Pillow.fromarray(
        cv2.warpAffine(
            np.asarray(picture), turn, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
    )


def judge_clip(path: Path, detectors: DetectorSet, folder: Path) -> Judged:
    """The verdict on every second frame of `path`, and on pairs of frames woven into one each."""
    planes, rate = _planes(path)
    if len(planes) < 2:
        raise MediaError(f"{path}: is too short to be woven")
    found = {}
    for name, pairs in zip(CLIPS, (planes[::2], list(_woven(planes))), strict=True):
        copy = folder / "clip.mp4"
        _write(copy, pairs, rate / 2, interlaced=name == "woven")
        found[name] = check_video(copy, detectors).verdict
    return found


def _planes(path: Path) -> tuple[list[np.ndarray], Fraction]:
    """Frames as yuv420p arrays (height * 3 / 2, width), sides multiples of 4, and their rate."""
    planes = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            size = {"width": frame.width // 4 * 4, "height": frame.height // 4 * 4}
            planes.append(frame.reformat(**size, format="yuv420p").to_ndarray())
            if len(planes) == MOST_FRAMES:
                break
        return planes, Fraction(stream.average_rate or 25)


def _woven(planes: list[np.ndarray]) -> Iterator[np.ndarray]:
    for first, second in zip(planes[::2], planes[1::2], strict=False):
        height, width = first.shape[0] * 2 // 3, first.shape[1]
        frame = first.copy()
        frame[1:height:2] = second[1:height:2]
        colours = frame[height:].reshape(2, height // 2, width // 2)
        colours[:, 1::2] = second[height:].reshape(2, height // 2, width // 2)[:, 1::2]
        frame[height:] = colours.reshape(height // 2, width)
        yield frame


def _write(path: Path, planes: list[np.ndarray], rate: Fraction, interlaced: bool) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=rate)
        stream.height, stream.width = planes[0].shape[0] * 2 // 3, planes[0].shape[1]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "20"} | ({"x264-params": "tff=1"} if interlaced else {})
        for frame in planes:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="yuv420p")))
        output.mux(stream.encode())


def log_odds(verdict: Verdict) -> float:
    p = min(max(verdict.probability or 0.0, LEAST), MOST)
    return math.log(p / (1 - p))


def table(judged: list[Judged], ways: list[str]) -> None:
    print(f"{'':18s} {'fake':>6s} {'inconclusive':>13s} {'real':>6s} {'change of log odds':>20s}")
    for way in ways:
        labels = Counter(one[way].label for one in judged)
        moved = np.mean([abs(log_odds(one[way]) - log_odds(one[ways[0]])) for one in judged])
        print(
            f"{way:18s} {labels['fake']:6d} {labels['inconclusive']:13d} {labels['real']:6d} "
            f"{moved:20.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, help="pictures, clips, or folders of them")
    parser.add_argument("--most", type=int, default=50, help="no more of each, evenly spread")
    given = parser.parse_args()
    detectors = load_detectors()
    files = list(find_media(given.paths))
    for judge, ways, wanted in (
        (judge_picture, list(PICTURES), False),
        (judge_clip, list(CLIPS), True),
    ):
        chosen = [file for file in files if (file.suffix.lower() in VIDEO_SUFFIXES) == wanted]
        chosen = chosen[:: max(1, -(-len(chosen) // given.most))]
        judged = []
        with tempfile.TemporaryDirectory() as folder:
            for path in chosen:
                try:
                    judged.append(judge(path, detectors, Path(folder)))
                except MediaError as error:
                    print(error)
        if judged:
            print(f"\n{len(judged)} {'clips' if wanted else 'pictures'}")
            table(judged, ways)


if __name__ == "__main__":
    main()
