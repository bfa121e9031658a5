"""Reports in a terminal."""

from __future__ import annotations

import io
from dataclasses import replace

from report_samples import image_report, timed_report, video_report
from rich.console import Console

from fakecheck.cli.text import render
from fakecheck.types import Report, Span, StageError

GOLDEN = """\
clips/talk.mp4
  FAKE  probability of fake 0.971  (threshold 0.500)
  deepfakes fired on 2 of 2 frames

  family     probability
  ──────────────────────
  deepfakes        0.875
  partswap         0.125

  artifact         family     detector   score   llr  frame    time              box
  ──────────────────────────────────────────────────────────────────────────────────
  face_boundary    deepfakes  deepfakes   0.91  +3.2     10  0.40 s   105,90-295,320
  frame_gridnoise  stylegan   frames      0.25  +0.5     20  0.80 s      0,0-640,480
  mouth_partswap   partswap   partswap    0.50  -0.1     20  0.80 s  170,250-250,300

  frame  face  score    size  box of the face
  ───────────────────────────────────────────
     10     0   0.93  250 px   100,80-300,330
     20     0   0.92  250 px   120,80-320,330

  error (detector, wgan): ran out of memory
"""

GOLDEN_PICTURE = """\
photos/face.jpg
  INCONCLUSIVE
  no face was found
  no faces were found
"""


def shown(report: Report, width: int = 100, color: bool = False, **options: bool) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        _environ={},  # not NO_COLOR or TERM of whoever runs the tests
    )
    render(report, console, **options)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_golden() -> None:
    assert shown(video_report(), show_faces=True) == GOLDEN
    assert shown(image_report(), show_faces=True) == GOLDEN_PICTURE


def test_a_clip_says_when_and_who() -> None:
    lines = shown(timed_report()).splitlines()
    assert lines[3] == "  worst of 2 faces: face 1, FAKE 0.968"
    assert lines[4] == "  carried by 4.1–5.5 s (face 1), 6.0–7.9 s (face 1)"
    assert "  face 0: real 0.140" in shown(timed_report(), verbose=True).splitlines()
    many = replace(timed_report(), spans=(Span(61.24, 3725.0, 0),) * 8)
    assert "carried by 1:01.2–1:02:05.0 (face 0), " in shown(many)
    assert "and 2 more" in shown(many)


def test_faces_that_were_not_judged_are_counted() -> None:
    clip = timed_report()
    tracks = {row.track for row in clip.faces}
    assert "not judged" not in shown(clip)
    faces = (*clip.faces, replace(clip.faces[0], track=max(tracks) + 1))
    assert "one more face was not judged: too small" in shown(replace(clip, faces=faces))


def test_both_limits_are_said_where_there_are_two() -> None:
    line = "  FAKE  probability of fake 0.968  (real under 0.300, fake over 0.953)"
    assert shown(timed_report()).splitlines()[1] == line
    close = replace(timed_report().verdict, probability=0.9534, threshold=0.9531)
    line = "  FAKE  probability of fake 0.9534  (real under 0.3000, fake over 0.9531)"
    assert shown(replace(timed_report(), verdict=close)).splitlines()[1] == line


def test_fits_80_columns() -> None:
    lines = shown(video_report(), width=80, show_faces=True, verbose=True).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert any("105,90-295,320" in line for line in lines)


def crowd() -> Report:
    """Boxes on two faces, with names as long as the bundled detectors have."""
    report = timed_report()
    boxes = report.detections[:2]
    longest = replace(
        boxes[0], artifact="eyes_resolutionmismatch", family="attributes", detector="attributes"
    )
    return replace(report, detections=(longest, boxes[1]))


def header(report: Report, width: int) -> list[str]:
    lines = shown(report, width=width).splitlines()
    return next(line.split() for line in lines if "artifact" in line)


def test_a_detector_with_the_name_of_its_family_is_not_said_twice() -> None:
    assert "detector" in header(video_report(), 100)
    every = ["artifact", "family", "score", "llr", "face", "frame", "time", "box"]
    assert header(crowd(), 100) == every


def test_columns_are_left_out_before_words_are_folded() -> None:
    for width in (78, 60, 44):
        text = shown(crowd(), width=width)
        lines = text.splitlines()
        assert max(len(line.rstrip()) for line in lines) <= width
        (box,) = (line for line in lines if "eyes_resolutionmismatch" in line)
        assert "attributes" in box
        assert sum("face_swap" in line for line in lines) == 1
    assert header(crowd(), 78) == ["artifact", "family", "score", "llr", "face", "time"]
    assert header(crowd(), 44) == ["artifact", "family", "score"]
    # The column that says where comes back before the one that repeats the time.
    assert header(crowd(), 80) == [*header(crowd(), 78), "box"]


def test_only_the_best_boxes() -> None:
    report = video_report()
    many = replace(report, detections=report.detections * 5)
    assert shown(many).count("face_boundary") == 5
    assert "    and 3 more\n" in shown(many)
    assert shown(many, verbose=True).count("frame_gridnoise") == 5


def test_verbose_says_what_was_used() -> None:
    text = shown(video_report(), verbose=True)
    assert "video, 640 x 480, 250 frames, 10.00 s" in text
    assert "deepfakes 1.0.0, partswap 1.1.0" in text


def test_texts_are_neither_markup_nor_control_codes() -> None:
    report = replace(
        video_report("[red]a[/]\x1b[2J\n\udcff.mp4"),
        errors=(StageError("media", "[bold]x[/nope]\x07"),),
    )
    text = shown(report)
    assert text.splitlines()[0] == "[red]a[/]\\x1b[2J\\n\ufffd.mp4"
    assert "error (media): [bold]x[/nope]\\x07" in text


def test_long_path_stays_in_one_line() -> None:
    path = "folder/" * 30 + "a.jpg"
    assert shown(image_report(path), width=80).splitlines()[0] == path


def test_color_marks_the_verdict() -> None:
    assert "\x1b[1;31mFAKE" in shown(video_report(), color=True)


def test_faces_of_a_picture_have_numbers_where_there_are_several() -> None:
    face = video_report().faces[0]
    one = replace(image_report(), faces=(replace(face, track=1),))
    assert "face  score" not in shown(one, show_faces=True)
    two = replace(one, faces=(replace(face, track=1), replace(face, track=2)))
    lines = shown(two, show_faces=True).splitlines()
    assert [line.split()[0] for line in lines if "px" in line] == ["1", "2"]
