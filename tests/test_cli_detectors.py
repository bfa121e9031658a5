"""`fakecheck detectors`, run within this process."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from fakecheck.cli.detectors import detectors
from fakecheck.engines.convert import Agreement
from fakecheck.errors import PluginError, UsageError
from fakecheck.plugins import PluginHost
from tests.bundles import write_bundle
from tests.test_plugins import plugin


@pytest.fixture
def host(tmp_path, monkeypatch):
    """The host that the commands find: detectors `a` and `b`, and a folder without a card."""
    host = PluginHost()
    folders = [write_bundle(tmp_path / name, id=name) for name in ("b", "a")]
    host.register(plugin(*folders, tmp_path / "gone"), "mine")
    monkeypatch.setattr(PluginHost, "discover", lambda **given: host)
    return host


def invoke(*arguments: str):
    result = CliRunner().invoke(detectors, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_list(host):
    text = invoke("list")
    assert text.index("\na ") < text.index("\nb ")
    assert "1 problem, the rest works" in text
    assert "gone (plug-in mine)" in text


def test_list_of_nothing(monkeypatch):
    monkeypatch.setattr(PluginHost, "discover", lambda **given: PluginHost())
    assert "No detector can be used." in invoke("list")


def test_show_names_the_known(host):
    with pytest.raises(
        UsageError,
        match=r"No detector is called 'c' \(known are a, b; fakecheck detectors list shows",
    ):
        invoke("show", "c")
    with pytest.raises(UsageError, match="Detector gone cannot be used"):
        invoke("show", "gone")


def test_optimize_wants_ids_or_all(host):
    for arguments in ((), ("a", "--all")):
        with pytest.raises(UsageError, match="or give --all"):
            invoke("optimize", *arguments)


def test_optimize_goes_on_after_a_failure(host, monkeypatch):
    done = []

    def optimize_bundle(card):
        done.append(card.id)
        if card.id == "a":
            raise PluginError("no luck with a")
        return Agreement(5, 1e-7, 2e-7)

    monkeypatch.setattr("fakecheck.engines.optimize.optimize_bundle", optimize_bundle)
    with pytest.raises(PluginError, match="no luck with a"):
        invoke("optimize", "--all")
    assert done == ["a", "b"]
    assert "b: model.onnx written; 5 boxes compared" in invoke("optimize", "b")


def test_what_would_steer_the_terminal_is_shown_as_text(tmp_path, host):
    host.register(plugin(write_bundle(tmp_path / "evil", id="evil", summary="\x1b[2Jgone")), "it")
    assert "\\x1b[2Jgone" in invoke("show", "evil")
    host.register(plugin(ValueError("\x1b[2J")), "other")
    assert "\x1b" not in invoke("list")
