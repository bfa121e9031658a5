"""The template of a detector package, with its words filled in, as a new folder."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import jinja2
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

import fakecheck
from fakecheck.card import MIN_FACE
from fakecheck.errors import OutputError, PluginError, UsageError
from fakecheck.filters import FILTERS
from fakecheck.scaffold.names import Names

# contrib/template of the repository; its name as a string, since it belongs to no import path here.
TEMPLATE = "fakecheck_template"
SUFFIX = ".j2"
# Stands for the package's import name in the template's paths.
MODULE = "MODULE"
FIRST_VERSION = "0.1.0"


@dataclass(frozen=True)
class NewPackage:
    """What a contributor says of a detector that is still to be made.

    `licence` is an SPDX identifier, `author` a name or empty.
    """

    names: Names
    family: str
    kind: str
    regions: Sequence[str]
    author: str = ""
    licence: str = "Apache-2.0"


def spdx(licence: str) -> str:
    """The SPDX expression as build backends want it. Raises UsageError for anything else."""
    try:
        return canonicalize_license_expression(licence)
    except InvalidLicenseExpression as error:
        raise UsageError(
            f"{licence!r} is no SPDX identifier of a licence",
            "such as Apache-2.0, MIT or CC-BY-4.0; LicenseRef-NAME for one of your own",
        ) from error


def check_author(author: str) -> str:
    """The author's name as it is. Raises UsageError for characters that TOML cannot hold."""
    if not author.isprintable():
        raise UsageError(f"{author!r} holds a character that no name can hold", "--author NAME")
    return author


def render_package(package: NewPackage, folder: Path) -> list[Path]:
    """Writes the package as the new `folder` and gives its files, relative to that, in order.

    The folder is there whole or not at all. Raises OutputError where something is at `folder`
    already or it cannot be written, PluginError where the template is not installed.
    """
    if os.path.lexists(folder):
        raise OutputError(f"{folder} is there already", "nothing was changed; name another --out")
    contents = _render(package)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = folder.with_name(f".{secrets.token_hex(8)}")
        temporary.mkdir()
        try:
            for path, text in contents.items():
                target = temporary / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8", newline="\n")
            # Unlike a file's, a folder's rename fails where a full folder has come in between.
            temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return list(contents)


def _render(package: NewPackage) -> dict[Path, str]:
    """Path in the new folder → content of the file, in the order of the paths."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # TOML, YAML and Python, no HTML
    )
    # A JSON string is one of TOML and of YAML, too.
    environment.filters["quoted"] = lambda value: json.dumps(value, ensure_ascii=False)
    words = _words(package)
    names = package.names
    contents = {}
    for path, source in sorted(_sources().items()):
        target = Path(path.replace(MODULE, names.module).removesuffix(SUFFIX))
        contents[target] = environment.from_string(source).render(words)
    return contents


def _words(package: NewPackage) -> dict[str, object]:
    """What the template may refer to."""
    today = date.today()
    return {
        **vars(package.names),
        "family": package.family,
        "kind": package.kind,
        "regions": list(package.regions),
        "author": package.author,
        "licence": package.licence,
        "version": FIRST_VERSION,
        "fakecheck_version": fakecheck.__version__,
        "min_face": MIN_FACE,
        "filters": list(FILTERS),
        "date": today.isoformat(),
        "year": today.year,
    }


def _sources() -> dict[str, str]:
    """Path in the template, with slashes → source of that Jinja template."""
    spec = importlib.util.find_spec(TEMPLATE)
    if spec is None or spec.origin is None:
        raise PluginError(
            "The template that belongs to fakecheck is not installed", "install fakecheck again"
        )
    root = Path(spec.origin).parent
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in root.rglob(f"*{SUFFIX}")
    }
