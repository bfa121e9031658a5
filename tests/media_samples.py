"""Media that tests look at, drawn by code: nothing here comes from a camera or the network."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.stream import Disposition

from fakecheck.types import Image

WIDTH, HEIGHT = 64, 48
# Of the container's suffix: the encoder that the suffix stands for in these tests.
CODECS = {
    ".mp4": "libx264",
    ".mov": "libx264",
    ".mkv": "libx264",
    ".webm": "libvpx-vp9",
    ".avi": "mpeg4",
    ".mpg": "mpeg2video",
    ".m2ts": "mpeg2video",
    ".wmv": "wmv2",
    ".flv": "flv",
    ".ogv": "libvpx",
}
# av_display_rotation_set's matrices, 16.16 fixed point: a, b, c, d by degrees counterclockwise.
ROTATIONS = {0: (1, 0, 0, 1), 90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), 270: (0, 1, -1, 0)}
TICKS = 90_000


def scene(width: int = WIDTH, height: int = HEIGHT) -> Image:
    """(height, width, 3) BGR whose quarters are red, green, blue and white, row by row."""
    image = np.empty((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    image[:top, :left] = (0, 0, 255)
    image[:top, left:] = (0, 255, 0)
    image[top:, :left] = (255, 0, 0)
    image[top:, left:] = (255, 255, 255)
    return image


def noise(width: int = WIDTH, height: int = HEIGHT, seed: int = 0) -> Image:
    """Smooth random colours, which compress like a photo."""
    random = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.GaussianBlur(random, (0, 0), 2).astype(np.uint8)


def level(index: int) -> int:
    """The grey of frame `index` of a drawn clip: tells frames apart after compression."""
    return 20 + index % 12 * 18


def write_clip(
    path: Path,
    frames: int = 12,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    fps: int = 25,
    times: Sequence[float] | None = None,
    picture: Image | None = None,
    sound: str | None = None,
    rate: int = 48_000,
    options: dict[str, str] | None = None,
    ratio: Fraction | None = None,
) -> Path:
    """A clip of grey frames (see `level`), or of one `picture`, at `times` in seconds or at `fps`.

    `ratio` is the width of a pixel over its height.
    `sound` names an audio encoder for a tone as long as the clip, of `rate` samples a second.
    """
    with av.open(str(path), "w", options=options or {}) as output:
        stream = output.add_stream(CODECS[path.suffix], rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        if ratio is not None:
            stream.codec_context.sample_aspect_ratio = ratio
        if times is not None:
            stream.codec_context.time_base = Fraction(1, TICKS)
        audio = output.add_stream(sound, rate=rate) if sound else None
        if audio is not None:
            audio.codec_context.layout = "mono"
            _tone(output, audio, (frames if times is None else times[-1] * fps) / fps, rate)
        for index in range(frames):
            image = np.full((size[1], size[0], 3), level(index), np.uint8)
            frame = av.VideoFrame.from_ndarray(image if picture is None else picture, "bgr24")
            if times is not None:
                frame.pts, frame.time_base = round(times[index] * TICKS), Fraction(1, TICKS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _tone(
    output: av.container.OutputContainer, stream: av.AudioStream, seconds: float, rate: int = 48_000
) -> None:
    wave = np.sin(np.arange(round(seconds * rate)) / 20).astype(np.float32) / 4
    samples = (wave * 32767).astype(np.int16)[None, :]
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def write_sound_with_cover(path: Path) -> Path:
    """An MP4 of sound whose only picture is its cover."""
    with av.open(str(path), "w") as output:
        audio = output.add_stream("aac", rate=48_000)
        audio.codec_context.layout = "mono"
        cover = output.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        cover.disposition = Disposition.attached_pic.value  # a plain number for every PyAV
        _tone(output, audio, 0.2)
        output.mux(cover.encode(av.VideoFrame.from_ndarray(scene(), "bgr24")))
        output.mux(cover.encode(None))
    return path


def rotate(path: Path, degrees: int, mirrored: bool = False) -> Path:
    """Sets the display matrix in the track header of an MP4 (ISO/IEC 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd") - 4
    a, b, c, d = ROTATIONS[degrees]
    if mirrored:
        a, c = -a, -c
    one = 1 << 16
    matrix = (a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    struct.pack_into(">9i", data, header + 8 + 40, *matrix)
    path.write_bytes(data)
    return path


def trim(path: Path, skip: int) -> Path:
    """Rewrite the clip so that its first `skip` frames are in it and decoded, but not shown."""
    trimmed = path.with_name(f"trimmed{path.suffix}")
    with av.open(str(path)) as source, av.open(str(trimmed), "w") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        step = round(1 / (stream.average_rate * stream.time_base))
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - skip * step, packet.dts - skip * step
                packet.stream = copy
                output.mux(packet)
    return trimmed


def cut(path: Path, share: float) -> Path:
    """Keeps the first `share` of the file's bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def write_bomb(path: Path, width: int = 50_000, height: int = 50_000) -> Path:
    """A PNG of some bytes whose header claims a huge picture."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path
