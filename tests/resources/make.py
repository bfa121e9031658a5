"""Makes the sample media beside this file from two clips of the GRID corpus (see SOURCES.md).

    python tests/resources/make.py FOLDER_WITH_GRID_CLIPS [FOLDER_FOR_ALL_PAIRS]

The HEIC picture needs `pip install pillow-heif`, whose encoder fakecheck does without.

The forged ones get the eyes, nose and mouth of the second speaker, pasted by the same code that
simulates part swaps for training. No detector was trained on either clip; the temporal model was.
With a second folder, the same forgery of every pair of speakers goes there instead, for
`fakecheck detect` to tell how many are found: README.md says so.
"""

from __future__ import annotations

import shutil
import sys
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import av
import cv2
import numpy as np

from fakecheck.faces import FaceFinder
from fakecheck.media import Sampling, open_media
from fakecheck.types import Image
from fakecheck_training.simulation.parts import swap_parts

HERE = Path(__file__).parent
TARGET, DONOR = "grid_lbax4n.mpg", "grid_sbia1a.mpg"
PARTS = ("left_eye", "right_eye", "nose", "mouth")
SEED = 5
STILL = 30
ONE_SPEAKER = {"grid_pwij3p", "grid_swwp2s"}


def forge(target: Image, donor: Image, finder: FaceFinder) -> Image:
    """`target` with PARTS of `donor`; the same seed for each frame keeps the paste in its place."""
    rng = np.random.default_rng(SEED)
    faces = finder.find(target)[0], finder.find(donor)[0]
    return swap_parts(target, faces[0], donor, faces[1], PARTS, rng)[0]


def write_clip(frames: list[Image], path: Path, fps: int = 25) -> None:
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        for index, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_heic(source: Path, path: Path) -> None:
    """`source` on its side, with the orientation that turns it upright, as phones store it."""
    from PIL import Image as PillowImage
    from pillow_heif import register_heif_opener

    register_heif_opener()
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    side = PillowImage.open(source).transpose(PillowImage.Transpose.ROTATE_90)
    side.save(path, "HEIF", quality=70, exif=exif.tobytes())


def all_pairs(source: Path, target: Path) -> None:
    """A still forged for every ordered pair of clips of different speakers."""
    finder = FaceFinder()
    stills = {
        path.stem: list(open_media(path).frames(Sampling(frames=None)))[STILL].image
        for path in sorted(source.glob("grid_*.mpg"))
    }
    target.mkdir(parents=True, exist_ok=True)
    for first, second in permutations(stills, 2):
        if {first, second} != ONE_SPEAKER:
            forged = forge(stills[first], stills[second], finder)
            cv2.imwrite(str(target / f"{first}_{second}.png"), forged)


def main(source: Path) -> None:
    finder = FaceFinder()
    clips = [
        [frame.image for frame in open_media(source / name).frames(Sampling(frames=None))]
        for name in (TARGET, DONOR)
    ]
    forged = [forge(*pair, finder) for pair in zip(*clips, strict=False)]
    shutil.copyfile(source / TARGET, HERE / "real_clip.mpg")
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
    cv2.imwrite(str(HERE / "real_face.jpg"), clips[0][STILL], quality)
    cv2.imwrite(str(HERE / "forged_face.jpg"), forged[STILL], quality)
    write_heic(HERE / "real_face.jpg", HERE / "real_face.heic")
    write_clip(forged, HERE / "forged_clip.mp4")


if __name__ == "__main__":
    folders = [Path(argument) for argument in sys.argv[1:]]
    all_pairs(*folders) if len(folders) > 1 else main(*folders)
