"""Distributions for tests: a folder for sys.path with packages that installed plug-ins could be."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.bundles import write_bundle

DATA_PLUGIN = """
    from pathlib import Path
    from fakecheck.hookspecs import hookimpl

    @hookimpl
    def fakecheck_detectors():
        return [folder for folder in sorted(Path(__file__).parent.iterdir()) if folder.is_dir()
                and folder.name != "__pycache__"]
"""


def install(
    site: Path,
    name: str,
    code: str = DATA_PLUGIN,
    *,
    version: str = "1.0",
    entry: str | None = None,
    **bundles: dict[str, Any],
) -> Path:
    """A distribution `name` in the folder `site`, as pip leaves it → its package's folder.

    It is a package with `code`, a dist-info with an entry point, and in the package a bundle for
    each of `bundles` (the folder's name and arguments of `write_bundle`).
    """
    module = name.replace("-", "_")
    package = site / module
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(dedent(code), encoding="utf-8")
    info = site / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    entry = entry if entry is not None else f"{module} = {module}"
    (info / "entry_points.txt").write_text(f"[fakecheck]\n{entry}\n", encoding="utf-8")
    for folder, arguments in bundles.items():
        write_bundle(package / folder, **arguments)
    return package
