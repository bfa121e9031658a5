"""Draws → TFRecords and a label map, as the Object Detection API reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fakecheck_training.compat import tf
from fakecheck_training.draws.source import Draw, Source

SHARDS = 4
THREADS = 2
PNG_LEVEL = 1  # fast; the records are read once or twice


def label_map_text(classes: Sequence[str]) -> str:
    """label_map.pbtxt: ids count from 1 in the order of `classes`."""
    items = (
        f'item {{\n  id: {number}\n  name: "{name}"\n}}\n' for number, name in enumerate(classes, 1)
    )
    return "".join(items)


def make_draws(source: Source, fakes: int, reals: int, seed: int) -> Iterator[Draw]:
    """Fakes and reals in a random order, the same for the same seed."""
    kinds = np.array([True] * fakes + [False] * reals)
    np.random.default_rng(seed).shuffle(kinds)
    cv2.setNumThreads(1)

    def draw(index: int) -> Draw:
        return source.draw(bool(kinds[index]), np.random.default_rng((seed, 1, index)))

    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(kinds), 256):
            yield from pool.map(draw, range(start, min(start + 256, len(kinds))))


def record_paths(folder: Path) -> list[Path]:
    """Where the records of a folder lie, a path a shard."""
    return [folder / f"train-{i:02d}-of-{SHARDS:02d}.tfrecord" for i in range(SHARDS)]


def write_records(draws: Iterable[Draw], folder: Path, classes: Sequence[str]) -> tuple[int, int]:
    """Writes FOLDER/train-*.tfrecord and label_map.pbtxt; returns how many draws and boxes."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = {name: number for number, name in enumerate(classes, 1)}
    names = record_paths(folder)
    parts = [path.with_suffix(".part") for path in names]
    writers = [tf.io.TFRecordWriter(str(path)) for path in parts]
    count = boxes = 0
    try:
        for count, draw in enumerate(draws, 1):
            boxes += len(draw.labels)
            # A protobuf map has no order of its own: else no two runs would write the same bytes.
            content = to_example(draw, ids).SerializeToString(deterministic=True)
            writers[count % SHARDS].write(content)
    finally:
        for writer in writers:
            writer.close()
    for part, path in zip(parts, names, strict=True):
        part.replace(path)
    (folder / "label_map.pbtxt").write_text(label_map_text(classes), encoding="utf-8", newline="\n")
    return count, boxes


def to_example(draw: Draw, ids: dict[str, int]) -> Any:
    """One `tf.train.Example` with the keys of the API's `tf_example_decoder`."""
    height, width = draw.image.shape[:2]
    encoded = cv2.imencode(".png", draw.image, [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])[1]
    data = encoded.tobytes()
    scaled = draw.xyxy / np.array([width, height, width, height], np.float32)
    name = draw.source.encode()
    columns = ("xmin", "ymin", "xmax", "ymax")
    features = {
        "image/height": _ints([height]),
        "image/width": _ints([width]),
        "image/filename": _bytes([name]),
        "image/source_id": _bytes([name]),
        "image/key/sha256": _bytes([hashlib.sha256(data).hexdigest().encode()]),
        "image/encoded": _bytes([data]),
        "image/format": _bytes([b"png"]),
        "image/object/class/text": _bytes([label.encode() for label in draw.labels]),
        "image/object/class/label": _ints([ids[label] for label in draw.labels]),
        **{
            f"image/object/bbox/{column}": _floats(scaled[:, i].tolist())
            for i, column in enumerate(columns)
        },
    }
    return tf.train.Example(features=tf.train.Features(feature=features))


def _ints(values: list[int]) -> Any:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _floats(values: list[float]) -> Any:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _bytes(values: list[bytes]) -> Any:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
