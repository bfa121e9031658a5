"""Index entries and installed plug-ins for the tests of the registry and of trust."""

from __future__ import annotations

from pathlib import Path

from fakecheck.index import IndexEntry
from fakecheck.index_files import entry_of
from tests.plugin_folder import DATA_PLUGIN, install

SOURCE = "https://example.org/detector"


def install_recorded(site: Path, name: str, marker: Path | None = None, **bundles: dict) -> Path:
    """As `plugin_folder.install`, with the list of files that pip leaves.

    The package's module writes the file `marker` when it is imported.
    """
    code = DATA_PLUGIN
    if marker is not None:
        code = f"    open({str(marker)!r}, 'w').close()\n{DATA_PLUGIN.lstrip(chr(10))}"
    package = install(site, name, code, **bundles)
    write_record(site, package.name)
    return package


def write_record(site: Path, module: str, version: str = "1.0") -> Path:
    """RECORD of the distribution whose package is called `module`."""
    info = site / f"{module}-{version}.dist-info"
    paths = [path for top in (site / module, info) for path in top.rglob("*") if path.is_file()]
    record = info / "RECORD"
    lines = [f"{path.relative_to(site).as_posix()},,\n" for path in sorted(paths)]
    record.write_text("".join(lines), encoding="utf-8")
    return record


def entry(bundle: Path, distribution: str, **changes: object) -> IndexEntry:
    """The index entry of a bundle, with `changes`."""
    return entry_of(bundle, distribution, SOURCE).model_copy(update=changes)
