"""PluginHost: what is found, what is refused, and that one's failure is not another's."""

from __future__ import annotations

import inspect
import sys
from functools import partial
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from fakecheck import hookspecs
from fakecheck.card import CARD_FILE, GRAPH_FILE, load_card
from fakecheck.errors import ExitCode, NoDetectorsError, UsageError
from fakecheck.hookspecs import hookimpl
from fakecheck.index import OWN_DISTRIBUTION
from fakecheck.plugins import NO_AUTOLOAD, PluginHost
from tests.bundles import graph_def, write_bundle
from tests.plugin_folder import install


def plugin(*items):
    """A plug-in object whose hook gives `items`; an exception among them is raised in its turn."""

    @hookimpl
    def fakecheck_detectors():
        for item in items:
            if isinstance(item, BaseException):
                raise item
            yield item

    return SimpleNamespace(fakecheck_detectors=fakecheck_detectors)


class Unspeakable(Exception):
    def __str__(self):
        raise ValueError("no words")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An empty folder that is the whole world of installed distributions."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    world = partial(metadata.distributions, path=[str(folder)])
    monkeypatch.setattr("fakecheck.installed.metadata.distributions", world)
    monkeypatch.delenv(NO_AUTOLOAD, raising=False)
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


def causes(host):
    return {(str(one.origin), one.detector): one.cause for one in host.problems}


def test_every_hook_is_documented():
    hooks = [
        value
        for value in vars(hookspecs).values()
        if getattr(value, f"{hookspecs.PROJECT}_spec", None) is not None
    ]
    assert hooks
    for hook in hooks:
        text = inspect.getdoc(hook) or ""
        for word in ("When:", "Thread:", "Returns:", "May raise:", "Example"):
            assert word in text, f"{hook.__name__} does not say {word}"


def test_folders_and_cards_are_taken(tmp_path):
    host = PluginHost()
    host.register(plugin(write_bundle(tmp_path / "a", id="a")), "one")
    host.register(plugin(load_card(write_bundle(tmp_path / "b", id="b"))), "two")
    assert list(host.detectors) == ["a", "b"]
    assert host.detectors["b"].origin.plugin == "two"
    assert host.problems == ()


def test_a_detector_given_twice_is_one(tmp_path):
    folder = write_bundle(tmp_path / "a", id="a")
    host = PluginHost()
    host.register(plugin(folder, load_card(folder)), "one")
    assert list(host.detectors) == ["a"]
    assert host.problems == ()


def test_a_broken_card_does_not_hide_the_next(tmp_path):
    write_bundle(tmp_path / "bad", id="Bad Id")
    host = PluginHost()
    host.register(plugin(tmp_path / "bad", write_bundle(tmp_path / "good"), tmp_path / "none"), "x")
    assert list(host.detectors) == ["bright"]
    assert [one.detector for one in host.problems] == ["bad", "none"]
    assert "id: " in host.problems[0].cause
    assert "cannot be read" in host.problems[1].cause


def test_incompatible_schema_is_a_problem(tmp_path):
    host = PluginHost()
    host.register(plugin(write_bundle(tmp_path, schema="fakecheck.detector/9")), "x")
    assert "fakecheck.detector/9 is none that this fakecheck reads" in host.problems[0].cause
    assert "upgrade fakecheck" in host.problems[0].cause
    assert host.problems[0].detector == "bright"


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        (plugin(42), r"must give folders \(Path\) or DetectorCards, got int"),
        (plugin(ValueError("no\nweights")), "failed with ValueError: no weights"),
        (plugin(SystemExit(3)), "failed with SystemExit: 3"),
        (SimpleNamespace(), "implements no hook fakecheck_detectors"),
        (SimpleNamespace(fakecheck_detectors=hookimpl(lambda: 7)), "must return a list of .*int"),
        (SimpleNamespace(fakecheck_detectors=hookimpl(lambda: "/a")), "must return a list .*str"),
        (SimpleNamespace(fakecheck_detectors=hookimpl(lambda: None)), "gave nothing .return miss"),
        (plugin(Unspeakable()), "failed with Unspeakable"),
        (SimpleNamespace(fakecheck_detectors=hookimpl(lambda host: [])), "PluginValidationError"),
        (SimpleNamespace(fakecheck_extras=hookimpl(lambda: [])), "unknown hook 'fakecheck_extras'"),
    ],
)
def test_broken_hooks_are_problems(tmp_path, broken, cause):
    host = PluginHost()
    host.register(broken, "broken")
    host.register(plugin(write_bundle(tmp_path)), "good")
    assert list(host.detectors) == ["bright"]
    assert len(host.problems) == 1
    with pytest.raises(AssertionError, match=cause):
        raise AssertionError(host.problems[0].cause)


def test_what_was_yielded_before_an_error_is_kept(tmp_path):
    host = PluginHost()
    host.register(plugin(write_bundle(tmp_path), RuntimeError("late")), "x")
    assert list(host.detectors) == ["bright"]
    assert "RuntimeError: late" in host.problems[0].cause


def test_interrupt_passes():
    with pytest.raises(KeyboardInterrupt):
        PluginHost().register(plugin(KeyboardInterrupt()), "x")


def test_a_hook_that_never_ends_is_cut_off():
    def forever():
        while True:
            yield 1

    host = PluginHost()
    host.register(SimpleNamespace(fakecheck_detectors=hookimpl(forever)), "x")
    assert len(host.problems) <= 1001


def test_wrapper_cannot_touch_another_plugin(tmp_path):
    @hookimpl(wrapper=True)
    def fakecheck_detectors():
        yield
        return []

    host = PluginHost()
    host.register(plugin(write_bundle(tmp_path)), "good")
    host.register(SimpleNamespace(fakecheck_detectors=fakecheck_detectors), "thief")
    assert list(host.detectors) == ["bright"]


def test_select(tmp_path):
    host = PluginHost()
    folders = [
        write_bundle(tmp_path / name, id=name, family=family)
        for name, family in (("c", "wgan"), ("a", "stargan"), ("b", "stargan"))
    ]
    host.register(plugin(*folders), "x")

    def ids(**choice):
        return [card.id for card in host.select(**choice)]

    assert ids() == ["a", "b", "c"]
    assert ids(only=["stargan"]) == ["a", "b"]
    assert ids(only=["c", "a"]) == ["a", "c"]
    assert ids(skip=["stargan"]) == ["c"]
    assert ids(only=["stargan"], skip=["a"]) == ["b"]
    with pytest.raises(UsageError, match=r"called 'z' \(known are a, b, c, stargan, wgan\)"):
        host.select(only=["z"])
    with pytest.raises(UsageError, match="called 'z'"):
        host.select(skip=["z"])
    with pytest.raises(NoDetectorsError, match="No detector is left"):
        host.select(only=["a"], skip=["a"])


def test_select_says_why_a_broken_detector_is_not_there(tmp_path):
    host = PluginHost()
    host.register(plugin(tmp_path / "gone"), "x")
    with pytest.raises(UsageError, match=r"Detector gone cannot be used: .*cannot be read"):
        host.select(only=["gone"])
    with pytest.raises(NoDetectorsError, match="No detector is installed") as caught:
        host.select()
    assert caught.value.exit_code == ExitCode.NO_DETECTORS


def test_select_points_to_the_plugins_that_cannot_be_used(site):
    install(site, "fc-missing", "import a_package_that_is_not_there")
    install(site, "fc-good", good={"id": "good"})
    with pytest.raises(UsageError, match=r"known are good, stargan; fakecheck detectors list"):
        PluginHost.discover().select(only=["mygan"])


def test_two_of_one_id_name_both_and_neither_runs(site):
    install(site, "fc-one", one={"id": "twin"})
    install(site, "fc-two", version="2.5", two={"id": "twin"}, other={"id": "other"})
    host = PluginHost.discover()
    assert list(host.detectors) == ["other"]
    said = causes(host)
    assert "fc-two 2.5" in said["fc-one 1.0", "twin"]
    assert "fc-one 1.0" in said["fc-two 2.5", "twin"]
    assert "neither is used" in said["fc-one 1.0", "twin"]


def test_bundled_detector_cannot_be_replaced(site):
    install(site, "aaa-thief", mine={"id": "bright", "version": "9.9.9"})
    install(site, OWN_DISTRIBUTION, entry="bundled = own_detectors")
    install(site, "own-detectors", entry="", bright={"id": "bright"})
    host = PluginHost.discover()
    assert host.detectors["bright"].origin.distribution == OWN_DISTRIBUTION
    assert host.detectors["bright"].card.version == "1.0.0"
    assert (
        "belongs to the detector bundled with fakecheck 1.0"
        in causes(host)["aaa-thief 1.0", "bright"]
    )


def test_autoload_off_leaves_the_bundled_ones(site, monkeypatch):
    install(site, "third-party", "raise RuntimeError('imported')", x={"id": "x"})
    install(site, OWN_DISTRIBUTION, entry="bundled = own_detectors")
    install(site, "own-detectors", entry="", bright={"id": "bright"})
    for host in (PluginHost.discover(autoload=False), PluginHost.discover(autoload=True)):
        assert list(host.detectors) == ["bright"]
    assert len(host.problems) == 1
    assert PluginHost.discover(autoload=False).problems == ()
    monkeypatch.setenv(NO_AUTOLOAD, "1")
    assert PluginHost.discover().problems == ()
    monkeypatch.setenv(NO_AUTOLOAD, "0")
    assert len(PluginHost.discover().problems) == 1


def test_import_errors_are_problems(site):
    install(site, "fc-missing", "import a_package_that_is_not_there")
    install(site, "fc-exits", "raise SystemExit('bye')")
    install(site, "fc-nowhere", entry="x = fc_nowhere:attribute")
    install(site, "fc-syntax", "def (")
    install(site, "fc-good", good={"id": "good"})
    host = PluginHost.discover()
    assert list(host.detectors) == ["good"]
    said = causes(host)
    assert "ModuleNotFoundError: No module named 'a_package" in said["fc-missing 1.0", None]
    assert "SystemExit: bye" in said["fc-exits 1.0", None]
    assert "AttributeError" in said["fc-nowhere 1.0", None]
    assert "SyntaxError" in said["fc-syntax 1.0", None]


def test_unreadable_entry_points_are_a_problem(site):
    install(site, "fc-garbage", entry="this is no entry point")
    install(site, "fc-good", good={"id": "good"})
    host = PluginHost.discover()
    assert list(host.detectors) == ["good"]
    assert len(host.problems) == 1
    assert host.problems[0].origin.distribution == "fc-garbage"


def test_damaged_metadata_does_no_harm(site):
    install(site, "fc-nameless", good={"id": "good"})
    (site / "fc_nameless-1.0.dist-info" / "METADATA").unlink()
    install(site, "fc-binary")
    (site / "fc_binary-1.0.dist-info" / "entry_points.txt").write_bytes(b"[fakecheck]\n\xff = \xfe")
    host = PluginHost.discover()
    assert list(host.detectors) == ["good"]
    assert str(host.detectors["good"].origin) == "a distribution without a name"


def test_first_of_a_name_on_the_path_shadows_the_others(site):
    install(site, "fc-good", good={"id": "good"})
    copy = site / "fc_good-0.9.dist-info"
    (site / "fc_good-1.0.dist-info").rename(copy)
    (site / "fc_good-1.0.dist-info").mkdir()
    for name in ("METADATA", "entry_points.txt"):
        text = (copy / name).read_text(encoding="utf-8")
        (site / "fc_good-1.0.dist-info" / name).write_text(text, encoding="utf-8")
    host = PluginHost.discover()
    assert list(host.detectors) == ["good"]
    assert host.problems == ()


def test_check_files_names_what_is_wrong(tmp_path):
    changed = write_bundle(tmp_path / "changed", id="changed")
    (changed / GRAPH_FILE).write_bytes(graph_def("Const", "Add"))
    evil = write_bundle(tmp_path / "evil", id="evil", graph=graph_def("Const", "WriteFile"))
    host = PluginHost()
    host.register(plugin(changed, evil, write_bundle(tmp_path / "good")), "x")
    said = {one.detector: one.cause for one in host.check_files()}
    assert set(said) == {"changed", "evil"}
    assert f"sha256 of {GRAPH_FILE} differs" in said["changed"]
    assert "forbidden op WriteFile" in said["evil"]


def test_the_bundled_plugin_gives_every_folder_with_a_card():
    import fakecheck_detectors

    folder = Path(fakecheck_detectors.__file__).parent
    expected = sorted(path.parent.name for path in folder.glob(f"*/{CARD_FILE}"))
    host = PluginHost()
    host.register(fakecheck_detectors, "bundled")
    assert [one.cause for one in host.problems] == []
    assert [one.cause for one in host.check_files()] == []
    assert sorted(one.card.folder.name for one in host.detectors.values()) == expected
