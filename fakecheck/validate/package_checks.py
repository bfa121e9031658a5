"""Checks of a package's folder: what has to be there for its detectors to reach fakecheck."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from fakecheck.card import CARD_FILE, GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE
from fakecheck.errors import PluginError
from fakecheck.plugins import GROUP
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
            raise PluginError(
                f"{file} defines no {HOOK}",
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
    for value in project.entry_points.values():
        package = _module(value).split(".")[0]
        file = project.module_file(package)
        if file is None or file.name != "__init__.py":
            continue
        taken = {
            path.resolve()
            for pattern in project.data_patterns(package)
            for path in file.parent.glob(pattern)
        }
        for bundle in project.bundles:
            _check_taken(bundle, file.parent, package, taken)
    return "package data names all files of the bundles"


def _check_taken(bundle: Path, home: Path, package: str, taken: set[Path]) -> None:
    folder = bundle.resolve()
    if not folder.is_relative_to(home.resolve()):
        return
    for name in _BUNDLE_FILES:
        if (folder / name).exists() and folder / name not in taken:
            inside = (folder / name).relative_to(home.resolve()).as_posix()
            raise PluginError(
                f"a wheel of the package will lack {package}/{inside}: no package data names it",
                f'write under [tool.setuptools.package-data] {package} = ["{inside}"] with the '
                "other files of the bundle",
            )


def _module(value: str) -> str:
    return value.partition(":")[0].strip()


def _names(tree: ast.Module) -> list[str]:
    """Names that the module's top level binds."""
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
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
