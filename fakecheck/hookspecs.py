"""What a plug-in may implement: one hook, under the entry-point group `fakecheck`.

A plug-in is a module (or object) that a distribution names in its metadata:

    [options.entry_points]
    fakecheck =
        my_detectors = my_detectors

It needs to import nothing of fakecheck but `hookimpl` from this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pluggy

from fakecheck.card import DetectorCard

PROJECT = "fakecheck"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def fakecheck_detectors() -> Iterable[Path | DetectorCard]:  # type: ignore[empty-body]
    """Name the detectors that the plug-in brings.

    When: once a process, when the plug-ins are discovered, before any file is opened. Pictures
    never pass through a hook.

    Thread: the one that called `PluginHost.discover`, usually the main thread.

    Not called with `--trusted-only`, for which no plug-in is imported: bundles are found through
    the list of files that pip left, so keep each folder inside the installed package.

    Returns: folders, each with a `detector.yaml` and the files that it names. The host reads the
    cards and reports each broken one by itself, so prefer folders; a DetectorCard that the plug-in
    has loaded with `fakecheck.card.load_card` is taken as well. An empty iterable is fine.

    May raise: anything. What it raises is listed as the plug-in's problem by `fakecheck detectors
    list`, what it had yielded until then is kept, and the other plug-ins go on. It should neither
    print nor import an inference engine: every start of `fakecheck` waits for it.

    Example, the whole of a plug-in whose detector lies beside its module:

        from pathlib import Path
        from fakecheck.hookspecs import hookimpl

        @hookimpl
        def fakecheck_detectors():
            return [Path(__file__).parent]
    """
