"""Manifests → samples: splits that never part what belongs together."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from drawn import write_pack

from fakecheck.errors import InputError
from fakecheck_training.data import in_calib, joined_groups, pick, read_samples, sets_of
from fakecheck_training.faces import CACHE, save_faces
from fakecheck_training.sources import known_samples

PACK = Path(os.environ.get("FAKECHECK_DATA", "data"))


def test_pictures_that_came_after_the_faces_were_found_are_told(tmp_path: Path) -> None:
    keys = sorted(write_pack(tmp_path))
    rows = np.ones((len(keys), 15), np.float32)
    rows[0] = np.nan
    save_faces(tmp_path / CACHE, keys, rows)
    samples, faces = known_samples(tmp_path, tmp_path)
    assert {sample.key for sample in samples} == set(faces) == set(keys[1:])
    save_faces(tmp_path / CACHE, keys[:-2], rows[:-2])
    with pytest.raises(InputError, match=r"lacks 2 pictures.*fakecheck_training\.faces again"):
        known_samples(tmp_path, tmp_path)


def test_faces_that_another_finder_found_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = sorted(write_pack(tmp_path))
    save_faces(tmp_path / CACHE, keys, np.ones((len(keys), 15), np.float32))
    monkeypatch.setattr("fakecheck_training.faces.FINDER_VERSION", 99)
    with pytest.raises(InputError, match=r"another face finder.*fakecheck_training\.faces again"):
        known_samples(tmp_path, tmp_path)


def test_a_swap_and_its_two_videos_are_one_group() -> None:
    joined = joined_groups(["001", "870", "001_870", "870_001", "002", "z_1"])
    assert len({joined[g] for g in ("001", "870", "001_870", "870_001")}) == 1
    assert joined["002"] == "002"
    assert joined["z_1"] == "z_1"


def test_the_share_held_back_is_near_an_eighth_and_the_same_everywhere() -> None:
    held = [in_calib(f"group{i}") for i in range(2000)]
    assert 0.10 < sum(held) / len(held) < 0.16
    # md5 does not change from machine to machine.
    assert [i for i in range(30) if held[i]] == [0, 2, 12, 20, 21, 22, 23, 29]


def test_toy_pack_is_read_and_split_by_group(tmp_path: Path) -> None:
    write_pack(tmp_path)
    samples = read_samples(tmp_path)
    assert len(samples) == 80
    by_group = defaultdict(set)
    for sample in samples:
        by_group[sample.group].add(sample.split)
    assert all(len(splits) == 1 for splits in by_group.values())
    assert len(pick(samples, "val")) == 8
    assert {s.family for s in pick(samples, "fit", fake=True)} == {"toygan"}


def test_pictures_of_val_that_show_a_photo_of_train_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "real_photos").mkdir()
    rows = [("val", "SF-1018"), ("val", "SM-1018"), ("train", "NF-1018")]
    lines = [f"{split}/real/{name}.jpg,{split},real,,amfd-{name},," for split, name in rows]
    header = "file,split,label,family,group,frame,parts"
    (tmp_path / "real_photos" / "manifest.csv").write_text("\n".join([header, *lines]) + "\n")
    kept = [sample.key.rpartition("/")[2] for sample in read_samples(tmp_path)]
    assert kept == ["SM-1018.jpg", "NF-1018.jpg"]


def test_swaps_join_kin_and_the_word_for_no_group_does_not(tmp_path: Path) -> None:
    rows = [
        ("a.png", "real", "001"),
        ("b.png", "fake", "001_870"),
        ("c.png", "real", "real_7.png"),
        ("d.png", "real", "real_8.png"),
        ("e.png", "real", "real"),
    ]
    (tmp_path / "toy").mkdir()
    lines = [f"{file},train,{label},,{group},," for file, label, group in rows]
    header = "file,split,label,family,group,frame,parts"
    (tmp_path / "toy" / "manifest.csv").write_text("\n".join([header, *lines]) + "\n")
    samples = read_samples(tmp_path)
    assert [s.kin for s in samples] == ["001", "001", "real_7.png", "real_8.png", "e.png"]
    assert [s.group for s in samples] == ["001", "001_870", "real_7.png", "real_8.png", "e.png"]


def test_missing_pack_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no data set .* manifest\.csv"):
        sets_of(tmp_path)
    with pytest.raises(InputError, match="nosuch"):
        read_samples(tmp_path, ["nosuch"])


def test_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown split 'train'"):
        pick([], "train")


@pytest.mark.skipif(
    not (PACK / "ffpp_deepfakes_c40").is_dir(), reason="needs the data pack in FAKECHECK_DATA"
)
def test_no_video_of_the_pack_lies_on_both_sides() -> None:
    samples = read_samples(PACK, ["ffpp_deepfakes_c40"])
    videos = defaultdict(set)
    for sample in samples:
        name = Path(sample.key).name.split("_")  # 001_870_000_face0.jpg, of a real one 001_000_…
        for video in name[: 2 if sample.fake else 1]:
            videos[video].add(sample.split)
    shared = [video for video, splits in videos.items() if {"fit", "calib"} <= splits]
    assert shared == []
