"""`python -m fakecheck_training.sequence.clips`: the clips that the temporal model learns from.

Made once, the same every time: real talking-head clips as they are; the same with forgeries that
follow the face (`forge`), and again without, through the same encoder; stills of the pack
as hand-held clips, some of them forged in a part only.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import av
import click
import cv2
import numpy as np

from fakecheck.errors import InputError
from fakecheck.faces import FaceFinder
from fakecheck.media import Sampling, open_media
from fakecheck.types import Image
from fakecheck_training.augment import Rng
from fakecheck_training.data import Sample, pick, read_samples
from fakecheck_training.faces import load_faces, main_face, read_image
from fakecheck_training.options import cli, data_option, progress, work_option
from fakecheck_training.sequence.corpus import (
    CLIP_SETS,
    FFPP,
    NOT_STILLS,
    Item,
    clip_folder,
    ffpp_sequences,
    rows_folder,
    write_items,
)
from fakecheck_training.sequence.forge import (
    animate,
    draw_plan,
    forge_clip,
    make_forger,
    smooth_faces,
)
from fakecheck_training.sources import known_samples

SECONDS = 3.0  # of a real clip that are forged
LONGER_SIDE = 360  # to which larger clips are shrunk
EVERY = 2  # of so many frames of a real clip one is kept
# Clips that show a speaker whom another shows already.
SAME_PERSON = {"grid_swwp2s": "grid_pwij3p"}
FORGED, UNTOUCHED = 3, 2  # copies of every real clip
# x264's constant rate factors: 18 is said to look lossless, 23 is its default.
CRF = (18, 23, 28, 33)
FPS = 8  # of hand-held stills
STILLS_A_SET = 40
STILLS_A_SET_VAL = 20
ANIMATED_SECONDS = (4.0, 8.0)
PARTIAL_SECONDS, PARTIAL_CLIPS = 9.0, 60
# Forgery of `forge` → the family whose detector should find it.
FAMILIES = {"parts": "partswap", "face": "faceswap", "patch": "attributes"}
Maker = Callable[[Path, Path, Path, Path], Iterator[Item]]


def write_clip(path: Path, frames: Sequence[Image], fps: int, crf: int) -> None:
    """h264 in MP4; sides are cut to even numbers, as the encoder wants them."""
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    with av.open(str(path), "w") as container:
        options = {"preset": "veryfast", "crf": str(crf)}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for image in frames:
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(image[:height, :width]), format="bgr24"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def rng_of(name: str) -> Rng:
    """Random numbers that depend on a name alone."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def seconds_of(forged: np.ndarray, fps: float) -> tuple[tuple[float, float], ...]:
    """(frames,) bool → the spans of True, in seconds from the start of the first frame."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], forged.astype(int), [0]])))
    return tuple((float(a / fps), float(b / fps)) for a, b in zip(*[iter(edges)] * 2, strict=True))


def person_of(clip: Path) -> str:
    """The group of a talking-head clip: who speaks in it."""
    return f"clips/{SAME_PERSON.get(clip.stem, clip.stem)}"


def real_clips(folder: Path, data: Path, work: Path, videos: Path) -> Iterator[Item]:
    """The talking-head clips as they are."""
    for path in _talking_heads(videos):
        yield Item(
            path.name, "real_clips", False, "", person_of(path), (str(path),), kind="real clip"
        )


def part_swaps(folder: Path, data: Path, work: Path, videos: Path) -> Iterator[Item]:
    """Forged copies of the talking-head clips, and copies that only went through the encoder."""
    samples, faces = known_samples(data, work)
    donors = [s for s in pick(samples, "calib", fake=False) if s.dataset not in NOT_STILLS]
    finder = FaceFinder()
    for path in _talking_heads(videos):
        frames, fps = _head(path)
        found = [main_face(finder.find(f, retry=False), f.shape[1], f.shape[0]) for f in frames]
        followed = smooth_faces(found)
        for number in range(FORGED + UNTOUCHED):
            name = f"{path.stem}_{number}"
            rng = rng_of(name)
            made: list[Image] = frames
            spans: tuple[tuple[float, float], ...] = ()
            kind = "re-encoded"
            if number < FORGED:
                donor = donors[rng.integers(len(donors))]
                plan = draw_plan(followed, rng)
                forger = make_forger(plan.kind, read_image(data / donor.key), faces[donor.key], rng)
                made, spans = (
                    forge_clip(frames, followed, plan, forger),
                    seconds_of(plan.forged, fps),
                )
                kind = f"{plan.kind}, {plan.curve}"
            target = folder / f"{name}.mp4"
            write_clip(target, made, fps, CRF[rng.integers(len(CRF))])
            family = FAMILIES[plan.kind] if spans else ""
            yield Item(
                name, "partswaps", bool(spans), family, person_of(path), (str(target),), (),
                spans, kind,
            )  # fmt: skip


def animated(folder: Path, data: Path, work: Path, videos: Path) -> Iterator[Item]:
    """Hand-held stills of the `calib` split."""
    yield from _animated_stills(folder, data, work, "calib", "animated", STILLS_A_SET)
    yield from _animated_pairs(folder, data, work, "calib", "animated")


def animated_val(folder: Path, data: Path, work: Path, videos: Path) -> Iterator[Item]:
    """Hand-held stills of `val`, only to measure on."""
    yield from _animated_stills(folder, data, work, "val", "animated_val", STILLS_A_SET_VAL)


def partial_val(folder: Path, data: Path, work: Path, videos: Path) -> Iterator[Item]:
    """Clips of `val` videos whose middle third is the forged video, only to measure on."""
    for real, fake in _pairs(data, "val")[:PARTIAL_CLIPS]:
        rng = rng_of(f"partial {fake.key}")
        count = round(PARTIAL_SECONDS * FPS)
        forged = (np.arange(count) >= count / 3) & (np.arange(count) < 2 * count / 3)
        yield _pair_clip(folder, "partial_val", real, fake, forged, rng)


def _animated_stills(
    folder: Path, data: Path, work: Path, split: str, name: str, count: int
) -> Iterator[Item]:
    samples = [s for s in known_samples(data, work)[0] if s.dataset not in NOT_STILLS]
    for fake in (True, False):
        chosen = pick(samples, split, fake=fake)
        for dataset in sorted({s.dataset for s in chosen}):
            rng = rng_of(f"{name} {dataset} {fake}")
            mine = [s for s in chosen if s.dataset == dataset]
            rng.shuffle(mine)  # type: ignore[arg-type]
            for number, sample in enumerate(mine[:count]):
                target = folder / f"{dataset}_{'fake' if fake else 'real'}_{number}.mp4"
                frames = animate(read_image(data / sample.key), _length(rng), rng)
                write_clip(target, frames, FPS, CRF[rng.integers(len(CRF))])
                yield _still_item(name, target, sample)


def _animated_pairs(folder: Path, data: Path, work: Path, split: str, name: str) -> Iterator[Item]:
    """Of every video one clip that is forged in a part, and one that is not."""
    for real, fake in _pairs(data, split):
        rng = rng_of(f"{name} {fake.key}")
        for partly in (True, False):
            forged = np.zeros(_length(rng), bool)
            if partly:
                share = rng.uniform(0.2, 0.7)
                start = int(rng.uniform(0, 1 - share) * len(forged))
                forged[start : start + max(2, int(share * len(forged)))] = True
            yield _pair_clip(folder, name, real, fake, forged, rng)


def _pair_clip(
    folder: Path, name: str, real: Item, fake: Item, forged: np.ndarray, rng: Rng
) -> Item:
    """A clip that shows the real video's stills, and the forged one's where `forged` says so."""
    sources = {False: real.files, True: fake.files}
    frames: list[Image] = []
    # One motion for each still that is shown, as long as it is shown.
    length = max(1, len(forged) // max(len(real.files), 2))
    while len(frames) < len(forged):
        at = len(frames)
        same = int(np.argmax(np.append(forged[at:] != forged[at], True)))
        files = sources[bool(forged[at])]
        still = read_image(Path(files[rng.integers(len(files))]))
        frames += animate(still, min(length, same), rng)
    spans = seconds_of(forged, FPS)
    key = f"{Path(fake.key).name}_{'partly' if spans else 'real'}"
    target = folder / f"{key}.mp4"
    write_clip(target, frames, FPS, CRF[rng.integers(len(CRF))])
    family = "deepfakes" if spans else ""
    kind = "video cut" if spans else "animated"
    return Item(key, name, bool(spans), family, fake.group, (str(target),), (), spans, kind)


def _pairs(data: Path, split: str) -> list[tuple[Item, Item]]:
    """Every forged video with the real one that its swap was made on."""
    videos = ffpp_sequences(pick(read_samples(data), split, sets=[FFPP]), data, split)
    reals = {Path(item.key).name: item for item in videos if not item.fake}
    fakes = {Path(item.key).name: item for item in videos if item.fake}
    known = {name: reals.get(name.split("_")[0]) for name in fakes}
    return [(real, fakes[name]) for name, real in known.items() if real is not None]


def _still_item(name: str, target: Path, sample: Sample) -> Item:
    group = f"{sample.dataset}/{sample.group}"
    family = sample.family
    return Item(
        target.stem, name, sample.fake, family, group, (str(target),), kind="animated still"
    )


def _length(rng: Rng) -> int:
    return round(rng.uniform(*ANIMATED_SECONDS) * FPS)


def _talking_heads(videos: Path) -> list[Path]:
    found = sorted(p for p in videos.iterdir() if p.suffix in (".mp4", ".mpg"))
    if not found:
        raise InputError(f"no clip in {videos}: give the folder of real clips by --videos")
    return found


def _head(path: Path) -> tuple[list[Image], int]:
    """The first SECONDS of a clip, shrunk where it is large, and its rate."""
    media = open_media(path)
    fps = round((media.fps or 25.0) / EVERY)
    frames = []
    for frame in media.frames(Sampling(frames=None, every=EVERY)):
        scale = min(1.0, LONGER_SIDE / max(frame.image.shape[:2]))
        frames.append(
            cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            if scale < 1
            else frame.image
        )
        if len(frames) >= SECONDS * fps:
            break
    return frames, fps


MAKERS: dict[str, Maker] = {
    "real_clips": real_clips,
    "partswaps": part_swaps,
    "animated": animated,
    "animated_val": animated_val,
    "partial_val": partial_val,
}


@cli
@data_option
@work_option
@click.option(
    "--videos",
    envvar="FAKECHECK_VIDEOS",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    required=True,
    help="Folder of real talking-head clips. [env: FAKECHECK_VIDEOS]",
)
@click.option("--again", is_flag=True, help="Make sets anew that are there.")
def main(data: Path, work: Path, videos: Path, again: bool) -> None:
    """Make the clips that the temporal model is trained and measured on."""
    load_faces(work)
    cv2.setNumThreads(1)
    for name in CLIP_SETS:
        folder = clip_folder(work, name)
        if (folder / "items.jsonl").exists() and not again:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        # Without its list a set is not finished, and what was found in other clips is of no use.
        (folder / "items.jsonl").unlink(missing_ok=True)
        shutil.rmtree(rows_folder(work, name), ignore_errors=True)
        click.echo(f"{name}: making", err=True)
        made = MAKERS[name](folder, data, work, videos)
        items = list(progress(made, None, f"{name}: clips"))
        write_items(folder, [replace(item, set=name) for item in items])
        click.echo(f"{name}: {len(items)} clips, {sum(i.fake for i in items)} forged", err=True)


if __name__ == "__main__":
    main()
