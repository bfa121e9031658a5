"""Checks of a package's folder: what has to be there for its detectors to reach fakecheck."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from fakecheck.card import CARD_FILE, GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE
from fakecheck.errors import PluginError
from fakecheck.installed import GROUP
from fakecheck.validate.findings import Check, Skipped, counted
from fakecheck.validate.project import LICENCE_NAMES, PYPROJECT, SETUP_CFG, Project

HOOK = "fakecheck_detectors"
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\s*:\s*[A-Za-z_][\w.]*)?")
_BUNDLE_FILES = (CARD_FILE, GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE)


def check_bundles(project: Project) -> str:
    """The package holds a detector."""
    if not project.bundles:
        raise PluginError(
            f"{project.folder} holds no folder with a {CARD_FILE}",
            "put card, graph and label map into the package's folder, one folder a detector",
        )
    return counted(len(project.bundles), "detector")


def check_licence(project: Project) -> str:
    """A licence text lies in the package's folder."""
    names = sorted(path.name for path in project.folder.iterdir() if path.is_file())
    found = [name for name in names if name.lower().startswith(LICENCE_NAMES)]
    help_text = "add the text of the licence that the card names under licence.graph"
    for name in found:
        text = (project.folder / name).read_bytes()
        if re.search(rb"^TODO\b", text, re.MULTILINE):
            raise PluginError(f"{project.folder / name} still has a TODO in it", help_text)
        if text.strip():
            return name
    raise PluginError(
        f"{project.folder} holds no licence: a file LICENSE, LICENCE or COPYING with its text",
        help_text,
    )


def check_entry_point(project: Project) -> str:
    """The group `fakecheck` names a module of the package."""
    points = project.entry_points
    if not points:
        raise PluginError(
            f"neither {PYPROJECT} nor {SETUP_CFG} names an entry point in the group {GROUP}",
            f'write [project.entry-points.{GROUP}] and below it mygan = "fakecheck_mygan" into '
            f"{PYPROJECT}; without it fakecheck never sees the package",
        )
    for name, value in points.items():
        if not _MODULE.fullmatch(value):
            raise PluginError(
                f"the entry point {name} is {value!r}, which is no module",
                'write the name that is imported, such as mygan = "fakecheck_mygan"',
            )
        if project.module_file(_module(value)) is None:
            raise PluginError(
                f"the entry point {name} names the module {_module(value)}, which is not in "
                f"{project.folder}"
            )
    return ", ".join(f"{name} = {value}" for name, value in points.items())


def check_hook(project: Project) -> str:
    """The module's source can be parsed and defines the hook; it is not imported."""
    for value in project.entry_points.values():
        file = project.module_file(_module(value))
        assert file is not None  # as check_entry_point has seen
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except SyntaxError as error:
            raise PluginError(f"{file}: line {error.lineno}: {error.msg}") from error
        except (OSError, ValueError) as error:
            raise PluginError(f"{file} cannot be read: {error}") from error
        if ":" not in value and not {HOOK, "*"} & set(_names(tree)):
            bare = any(
                isinstance(node, ast.FunctionDef) and node.name == HOOK for node in tree.body
            )
            raise PluginError(
                f"{file}: {HOOK} has no @hookimpl over it" if bare else f"{file} defines no {HOOK}",
                f"write @hookimpl over def {HOOK}(), which returns the bundles' folders: see "
                "fakecheck/hookspecs.py",
            )
    return f"{HOOK} is defined"


def check_data_files(project: Project) -> str:
    """The wheel will hold the bundles' files, as far as that can be told without building it."""
    if not project.uses_setuptools:
        raise Skipped("told only for setuptools: other build backends take all files")
    if (project.folder / "MANIFEST.in").exists():
        raise Skipped("MANIFEST.in decides which data files are taken")
    homes = _homes(project)
    taken = {
        path.resolve()
        for package, home in homes.items()
        for path in _matching(home, project.data_patterns(package))
        - _matching(home, project.excluded_patterns(package))
    }
    for bundle in project.bundles:
        _check_taken(project, bundle.resolve(), homes, taken)
    return "package data names all files of the bundles"


def _homes(project: Project) -> dict[str, Path]:
    """Package → folder, of the entry points' packages and others that package data is named of.

    Raises PluginError where setuptools is told of packages and an entry point's is not among them.
    """
    told = project.packages
    homes = {}
    points = {_module(value).split(".")[0] for value in project.entry_points.values()}
    for package in (*sorted(points), *project.packages_with_data):
        file = project.module_file(package)
        if file is None or file.name != "__init__.py":
            continue
        if told is None or package in told:
            homes[package] = file.parent.resolve()
        elif package in points:
            raise PluginError(
                f"a wheel of the package will lack {package}: packages does not name it",
                f'write under [tool.setuptools] packages = ["{package}"]',
            )
    return homes


def _matching(home: Path, patterns: list[str]) -> set[Path]:
    return {path for pattern in patterns for path in home.glob(pattern)}


def _check_taken(project: Project, folder: Path, homes: dict[str, Path], taken: set[Path]) -> None:
    around = [package for package, home in homes.items() if folder.is_relative_to(home)]
    if not around:
        raise PluginError(
            f"a wheel of the package will lack {folder.relative_to(project.folder.resolve())}, "
            "which lies in none of its packages",
            "move the bundle's folder into that of the package which the entry point names",
        )
    package, home = around[0], homes[around[0]]
    for name in _BUNDLE_FILES:
        if (folder / name).exists() and folder / name not in taken:
            inside = (folder / name).relative_to(home).as_posix()
            raise PluginError(
                f"a wheel of the package will lack {package}/{inside}: no package data names it, "
                "or it is excluded",
                f'write under [tool.setuptools.package-data] {package} = ["{inside}"] with the '
                "other files of the bundle",
            )


def _module(value: str) -> str:
    return value.partition(":")[0].strip()


def _names(tree: ast.Module) -> list[str]:
    """Names that the module's top level binds, other than to functions without a decorator."""
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            names.append(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names += [alias.asname or alias.name for alias in node.names]
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return names


PACKAGE_CHECKS: tuple[Check[Project], ...] = (
    Check("package.bundles", check_bundles),
    Check("package.licence", check_licence),
    Check("package.entry_point", check_entry_point),
    Check("package.hook", check_hook, ("package.entry_point",)),
    Check("package.data_files", check_data_files, ("package.bundles", "package.entry_point")),
)
