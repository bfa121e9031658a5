"""A package's own folder, read as text: its name, entry points, data files and licence.

Nothing of it is imported and no build is run. pyproject.toml is read as PEP 621 has it (and
Poetry's own table of plug-ins), setup.cfg as setuptools reads it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fakecheck.card import CARD_FILE
from fakecheck.errors import PluginError
from fakecheck.installed import GROUP

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPROJECT, SETUP_CFG = "pyproject.toml", "setup.cfg"
LICENCE_NAMES = ("license", "licence", "copying")
# How far below a package's folder its bundles are looked for, and above a bundle its package.
MAX_LEVELS = 6
# Folders of a checkout that hold no source of the package.
_ASIDE = frozenset(
    {"build", "dist", "docs", "node_modules", "site-packages", "tests", "test", "venv"}
)


@dataclass(frozen=True)
class Project:
    """The `folder` of a distribution's source, with its `pyproject` and `setup_cfg` as written."""

    folder: Path
    pyproject: Mapping[str, Any] = field(default_factory=dict)
    setup_cfg: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def name(self) -> str | None:
        """The distribution's name, if it is written down."""
        name = _table(self.pyproject, "project").get("name") or self.setup_cfg.get(
            "metadata", {}
        ).get("name")
        poetry = _table(self.pyproject, "tool", "poetry").get("name")
        return str(name or poetry) if name or poetry else None

    @cached_property
    def entry_points(self) -> dict[str, str]:
        """Name → `module` or `module:attribute`, of the group `fakecheck`."""
        found: dict[str, str] = {}
        for table in (("project", "entry-points", GROUP), ("tool", "poetry", "plugins", GROUP)):
            found |= {str(k): str(v) for k, v in _table(self.pyproject, *table).items()}
        for line in self.setup_cfg.get("options.entry_points", {}).get(GROUP, "").splitlines():
            name, _, value = line.partition("=")
            if value.strip():
                found[name.strip()] = value.strip()
        return found

    def module_file(self, module: str) -> Path | None:
        """The file that `import module` would run, None if it is not in the folder."""
        first, *rest = module.split(".")
        for start in self._places(first):
            path = start.joinpath(*rest)
            for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
                if file.is_file():
                    return file
        return None

    @property
    def uses_setuptools(self) -> bool:
        """Whether setuptools builds it, which puts only Python files into a wheel unasked."""
        backend = str(_table(self.pyproject, "build-system").get("build-backend", "setuptools"))
        return backend.startswith("setuptools")

    @property
    def packages(self) -> list[str] | None:
        """The packages that setuptools is told to take, None where it has to find them."""
        given = _table(self.pyproject, "tool", "setuptools").get("packages")
        if isinstance(given, list):
            return [str(package) for package in given]
        written = self.setup_cfg.get("options", {}).get("packages")
        if given is not None or written is None or written.strip().startswith("find"):
            return None
        return _words(written)

    @property
    def packages_with_data(self) -> list[str]:
        """The packages that data are named of for setuptools."""
        given = {*_table(self.pyproject, "tool", "setuptools", "package-data")}
        given |= {*self.setup_cfg.get("options.package_data", {})}
        return sorted(given - {"*", ""})

    def data_patterns(self, package: str) -> list[str]:
        """Globs, from the folder of `package` on, of the data that setuptools is told to take."""
        return self._patterns(package, "package-data")

    def excluded_patterns(self, package: str) -> list[str]:
        """Globs as those of `data_patterns`, of what is left out of them."""
        return self._patterns(package, "exclude-package-data")

    def _patterns(self, package: str, table: str) -> list[str]:
        patterns: list[str] = []
        given = _table(self.pyproject, "tool", "setuptools", table)
        written = self.setup_cfg.get(f"options.{table.replace('-', '_')}", {})
        for key in (package, "*", ""):
            patterns += given.get(key, [])
            patterns += _words(written.get(key, ""))
        return patterns

    @cached_property
    def bundles(self) -> tuple[Path, ...]:
        """Every folder with a card below, other than in packages of their own and in tests."""
        return tuple(_bundles(self.folder, 0))

    def _places(self, first: str) -> Iterator[Path]:
        """Where a top-level module of this name may lie: as told, beside, or in `src`."""
        moved = _table(self.pyproject, "tool", "setuptools", "package-dir")
        moved = moved or _pairs(self.setup_cfg.get("options", {}).get("package_dir", ""))
        if first in moved:
            yield self.folder / str(moved[first])
        for root in (moved.get(""), ".", "src"):
            if root is not None:
                yield self.folder / str(root) / first


def read_project(folder: Path) -> Project | None:
    """The project in `folder`, None where neither of the two files describes one.

    A setup.cfg counts only with metadata in it: others hold the settings of tools. Raises
    PluginError where a file cannot be parsed.
    """
    pyproject: dict[str, Any] = {}
    setup_cfg: dict[str, dict[str, str]] = {}
    path = folder / PYPROJECT
    try:
        if path.is_file():
            pyproject = tomllib.loads(path.read_text(encoding="utf-8"))
        path = folder / SETUP_CFG
        if path.is_file():
            # setuptools leaves names as they are, and has no interpolation.
            parser = ConfigParser(interpolation=None)
            parser.optionxform = str  # type: ignore[assignment,method-assign]
            parser.read_string(path.read_text(encoding="utf-8"))
            setup_cfg = {name: dict(parser[name]) for name in parser.sections()}
    except RecursionError as error:
        raise PluginError(f"{path}: cannot be read: it is nested too deep") from error
    except (OSError, ValueError, ConfigError) as error:
        raise PluginError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if not pyproject and "metadata" not in setup_cfg:
        return None
    return Project(folder, pyproject, setup_cfg)


def project_around(bundle: Path) -> Project | None:
    """The project whose source the bundle's folder belongs to, None for one that lies alone."""
    folder = bundle.resolve()
    for place in (folder, *folder.parents[:MAX_LEVELS]):
        try:
            project = read_project(place)
        except PluginError:
            return None
        if project is not None:
            return project if folder in {path.resolve() for path in project.bundles} else None
    return None


def _bundles(folder: Path, level: int) -> Iterator[Path]:
    if (folder / CARD_FILE).is_file():
        yield folder
    if level == MAX_LEVELS:
        return
    try:
        below = sorted(
            entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)
        )
    except OSError:
        return
    for name in below:
        inner = folder / name
        aside = name in _ASIDE or name.startswith((".", "_")) or name.endswith(".egg-info")
        # What has a project file of its own is a distribution of its own.
        if not aside and not (inner / PYPROJECT).exists() and not (inner / SETUP_CFG).exists():
            yield from _bundles(inner, level + 1)


def _table(content: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The table under `keys`, empty where there is none."""
    for key in keys:
        content = content.get(key, {})
        if not isinstance(content, Mapping):
            return {}
    return content


def _words(text: str) -> list[str]:
    """setup.cfg's way of writing a list: commas or lines between its items."""
    return text.replace(",", "\n").split()


def _pairs(text: str) -> dict[str, str]:
    """setup.cfg's way of writing a mapping: a `key = value` a line."""
    lines = (line.partition("=") for line in text.replace(",", "\n").splitlines())
    return {key.strip(): value.strip() for key, mark, value in lines if mark}
