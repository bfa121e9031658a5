"""Which error ends a run where no detector can be loaded."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from bundles import write_bundle

from fakecheck.card import GRAPH_FILE
from fakecheck.errors import MissingDependencyError, NoDetectorsError
from fakecheck.hookspecs import hookimpl
from fakecheck.loading import load_detectors
from fakecheck.plugins import PluginHost


def test_a_missing_package_is_the_cause_only_where_all_detectors_lack_it(tmp_path, monkeypatch):
    # Both have only a TensorFlow graph.
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    folders = [write_bundle(tmp_path / name, id=name) for name in ("changed", "whole")]

    @hookimpl
    def fakecheck_detectors():
        return folders

    host = PluginHost()
    host.register(SimpleNamespace(fakecheck_detectors=fakecheck_detectors), "test")
    with pytest.raises(MissingDependencyError, match="TensorFlow is not installed"):
        load_detectors(host=host)
    (folders[0] / GRAPH_FILE).write_bytes(b"other")
    with pytest.raises(NoDetectorsError, match=f"sha256 of {GRAPH_FILE} differs"):
        load_detectors(host=host)
