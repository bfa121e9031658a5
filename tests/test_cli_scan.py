"""What the options ask for, and the exit code of many files, without a detector."""

from __future__ import annotations

import shutil
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from report_samples import image_report

from fakecheck.cli import main as command
from fakecheck.cli import scan
from fakecheck.cli.main import run
from fakecheck.errors import ExitCode, MediaError
from fakecheck.media import Limits, Sampling
from fakecheck.pipeline import Options, Outcome
from fakecheck.types import Verdict

REAL = Path(__file__).parent / "resources" / "real_face.jpg"


@pytest.fixture
def detect(monkeypatch, tmp_path):
    """Runs `detect` on files of these names, of which is said what `labels` say.

    Beside a verdict that may be `unread`, and `gone`: judged real, and then deleted.
    """
    asked = []

    def call(*args, suffix=".jpg", **labels):
        def outcome(path):
            label = labels[path.stem]
            if label == "unread":
                return Outcome(path, error=MediaError(f"{path}: is empty"))
            if label == "gone":
                path.unlink()
            verdict = Verdict("real" if label == "gone" else label, 0.9, 0.8, "")
            return Outcome(path, replace(image_report(str(path)), verdict=verdict))

        def check_files(files, detectors, options, progress):
            asked.append(options)
            yield from map(outcome, files)

        monkeypatch.setattr(scan, "load_detectors", lambda *_: SimpleNamespace(errors=()))
        monkeypatch.setattr(scan, "check_files", check_files)
        paths = [tmp_path / f"{name}{suffix}" for name in labels]
        for path in paths:
            shutil.copyfile(REAL, path)
        return run(["detect", *map(str, paths), *map(str, args)])

    call.asked = asked
    return call


def test_one_fake_among_the_files_decides_wherever_it_stands(detect):
    assert detect("--fail-on-fake", a="fake", b="real", c="inconclusive") == ExitCode.FAKE_FOUND
    assert detect("--fail-on-fake", a="real", b="fake") == ExitCode.FAKE_FOUND
    assert detect("--fail-on-fake", a="real", b="inconclusive") == ExitCode.OK
    assert detect(a="fake", b="real") == ExitCode.OK


def test_a_fake_goes_before_files_that_could_not_be_read_or_written(detect, tmp_path):
    out = tmp_path / "out"
    (out / "b.jpg").mkdir(parents=True)
    found = {"a": "unread", "b": "fake", "c": "real"}
    assert detect("--annotate", out, "--fail-on-fake", **found) == ExitCode.FAKE_FOUND
    # Without the option what could not be written goes before what could not be read.
    assert detect("--annotate", out, **found) == ExitCode.OUTPUT_FILE
    assert detect(**found) == ExitCode.INPUT_FILE
    assert detect("--annotate", out, b="real", c="gone") == ExitCode.OUTPUT_FILE
    assert detect("--annotate", out, c="gone", d="real") == ExitCode.INPUT_FILE
    # A file that was looked at afterwards makes nothing good.
    assert detect(a="unread", b="real") == detect(a="real", b="unread") == ExitCode.INPUT_FILE


def test_every_limit_and_sample_that_was_asked_for_is_kept(detect):
    limits = ("--max-pixels", 7, "--max-frames", 8, "--max-seconds", 9.5)
    detect(*limits, "--min-face", 50, "--threads", 3, "--every", 2, a="real")
    detect("--false-alarm-rate", 0.05, a="real")
    detect("--start", "1:02:03.5", "--end", "1:02:04", "--frames", "all", a="real")
    detect(a="real")
    assert detect.asked == [
        Options(Sampling(None, every=2), Limits(7, 8, 9.5), min_face=50, threads=3),
        Options(false_alarm_rate=0.05),
        Options(Sampling(None, start=3723.5, end=3724.0)),
        Options(),
    ]


@pytest.mark.parametrize("rate", [0.0049, 0.051, "nan", "5%"])
def test_rates_that_cards_say_nothing_of_are_a_wrong_command_line(detect, rate):
    assert detect("--false-alarm-rate", rate, a="real") == ExitCode.USAGE
    assert detect.asked == []


@pytest.mark.parametrize("time", ["1:60", "1:60:00", "1:2:3:4", "-1", "1:-1", "nan", "inf", ""])
def test_what_is_no_time_of_a_clip_is_a_wrong_command_line(detect, time):
    assert detect("--end", time, a="real") == ExitCode.USAGE
    assert detect.asked == []


def test_an_output_that_is_a_link_to_an_input_is_refused(detect, tmp_path):
    (tmp_path / "out.json").symlink_to(tmp_path / "a.jpg")
    assert detect("-o", tmp_path / "out.json", a="real") == ExitCode.USAGE
    assert (tmp_path / "a.jpg").read_bytes() == REAL.read_bytes()


@pytest.mark.parametrize(("suffix", "name"), [(".JPG", "a.jpg"), (".webp", "a.png")])
def test_a_marked_copy_keeps_a_format_that_is_written_in_small_letters(
    detect, tmp_path, suffix, name
):
    assert detect("--annotate", tmp_path / "out", suffix=suffix, a="real") == ExitCode.OK
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


def test_errors_steer_no_terminal(detect, tmp_path, capsys):
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "\x1b[2J.json"
    assert detect("-o", target, a="real") == ExitCode.OUTPUT_FILE
    assert "\x1b" not in (said := capsys.readouterr().err)
    assert r"\x1b[2J.json" in said


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals of POSIX")
@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN])
def test_being_ended_is_as_ctrl_c_unless_it_is_to_be_ignored(monkeypatch, before):
    numbers = (signal.SIGTERM, signal.SIGHUP)
    known = [signal.signal(number, before) for number in numbers]
    monkeypatch.setattr(command, "run", lambda _: 0)
    try:
        with pytest.raises(SystemExit):
            command.main([])
        found = [signal.getsignal(number) for number in numbers]
    finally:
        for number, handler in zip(numbers, known, strict=True):
            signal.signal(number, handler)
    ignored = before == signal.SIG_IGN
    assert found == [signal.SIG_IGN if ignored else signal.default_int_handler] * 2


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "text"])
def test_a_file_that_cannot_be_read_leaves_the_output_that_was_there(tmp_path, form):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    kept, table = tmp_path / "kept", tmp_path / "kept.csv"
    kept.write_text("before")
    given = ["detect", tmp_path / "a.jpg", "--format", form, "-o", kept, "--csv", table]
    assert run([str(one) for one in given]) == ExitCode.INPUT_FILE
    assert kept.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "kept"]
