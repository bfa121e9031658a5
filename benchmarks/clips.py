"""720p clips of any length, made from the sample clip in the repository."""

from __future__ import annotations

from pathlib import Path

import av
import cv2

from fakecheck.media import Sampling, open_media

SAMPLE = Path(__file__).parent.parent / "tests" / "resources" / "real_clip.mpg"
WIDTH, HEIGHT, FPS = 1280, 720, 25


def make_clip(path: Path, seconds: float, options: dict[str, str] | None = None) -> Path:
    """The sample clip, scaled to 720 lines on a grey ground, played over and over; h264.

    `options` are more ones of the encoder.
    """
    frames = [frame.image for frame in open_media(SAMPLE).frames(Sampling(frames=None))]
    scale = HEIGHT / frames[0].shape[0]
    side = (WIDTH - round(frames[0].shape[1] * scale)) // 2
    with av.open(str(path), "w") as container:
        settings = {"preset": "veryfast", **(options or {})}
        stream = container.add_stream("libx264", rate=FPS, options=settings)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(round(seconds * FPS)):
            image = frames[number % len(frames)]
            image = cv2.resize(image, (WIDTH - 2 * side, HEIGHT), interpolation=cv2.INTER_CUBIC)
            image = cv2.copyMakeBorder(image, 0, 0, side, side, cv2.BORDER_CONSTANT, value=[90] * 3)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path
