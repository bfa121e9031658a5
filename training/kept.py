"""What WORK keeps of the recipe that something was trained by, so that a changed one is told."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import yaml

from fakecheck.errors import UsageError
from fakecheck.files import atomic_path
from fakecheck_training.recipe import (
    RECIPES,
    BackboneRecipe,
    DetectorRecipe,
    load_backbone_recipe,
)

# In the folder of a backbone: all of its recipe.
RECIPE = "recipe.yaml"
# Beside a run's checkpoints: what of the recipe they depend on. What the records depend on is noted
# beside these.
TRAINED_BY = "trained_by.json"
TRAINED_KEYS = ("batch", "rate", "steps", "seed", "backbone", "overrides")


def backbone_folder(work: Path, name: str) -> Path:
    """Where the checkpoints, the log and the recipe of a backbone lie."""
    return work / "backbones" / name


def backbone_recipe(work: Path, name: str) -> BackboneRecipe:
    """What the backbone `name` was trained by; the bundled recipe where WORK keeps none."""
    for path in (backbone_folder(work, name) / RECIPE, RECIPES / f"{name}.yaml"):
        if path.exists():
            return load_backbone_recipe(path)
    raise UsageError(
        f"there is no backbone {name!r}",
        advice="run python -m fakecheck_training.backbone with its recipe first",
    )


def backbones_up_to(work: Path, name: str) -> list[str]:
    """The backbones up to `name`, what each starts from before it."""
    if not name:
        return []
    return [*backbones_up_to(work, backbone_recipe(work, name).start), name]


def keep_backbone(recipe: BackboneRecipe, work: Path) -> None:
    """Keeps the recipe, beside a training that starts."""
    content = {key: value for key, value in dataclasses.asdict(recipe).items() if value is not None}
    with atomic_path(backbone_folder(work, recipe.name) / RECIPE) as path:
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8", newline="\n")


def check_backbone_kept(recipe: BackboneRecipe, work: Path) -> None:
    """Raises UsageError where the recipe has changed since its training started."""
    folder = backbone_folder(work, recipe.name)
    if (folder / RECIPE).exists():  # an older version kept none
        then = dataclasses.asdict(backbone_recipe(work, recipe.name))
        refuse_changed(recipe.name, then, dataclasses.asdict(recipe), folder, f"delete {folder}")


def keep_run(recipe: DetectorRecipe, checkpoints: Path, backbone: Path | None) -> None:
    """Notes what the run that starts depends on; `backbone` is the checkpoint it starts from."""
    with atomic_path(checkpoints / TRAINED_BY) as path:
        path.write_text(
            json.dumps(_trained_by(recipe, backbone), indent=1) + "\n",
            encoding="utf-8",
            newline="\n",
        )


def check_run_kept(recipe: DetectorRecipe, checkpoints: Path, backbone: Path | None) -> None:
    """Raises UsageError where recipe or backbone have changed since the run started.

    `steps` of the recipe are the run's own; without a checkpoint nothing was trained yet.
    """
    note = checkpoints / TRAINED_BY
    if note.exists() and (checkpoints / "checkpoint").exists():
        now = _trained_by(recipe, backbone)
        # An older version knew no overrides, and noted nothing of what is in the template.
        older = {"overrides": "", "template": now["template"]}
        then = older | json.loads(note.read_text())
        refuse_changed(recipe.name, then, now, checkpoints.parent, f"delete {checkpoints}")


def _trained_by(recipe: DetectorRecipe, backbone: Path | None) -> dict[str, Any]:
    facts = {key: getattr(recipe, key) for key in TRAINED_KEYS}
    template = RECIPES / recipe.pipeline
    facts["pipeline"] = template.name
    # Comments and line breaks may change.
    text = " ".join(re.sub("#.*", "", template.read_text(encoding="utf-8")).split())
    facts["template"] = hashlib.sha256(text.encode()).hexdigest()
    if recipe.backbone and backbone is not None:
        index = backbone.with_name(f"{backbone.name}.index")  # it holds checksums of all weights
        facts["checkpoint of the backbone"] = hashlib.sha256(index.read_bytes()).hexdigest()
    return facts


def refuse_changed(
    name: str, then: dict[str, Any], now: dict[str, Any], folder: Path, remedy: str
) -> None:
    """Raises UsageError for the first of the facts `now` that was another one `then`."""
    for key, value in now.items():
        if then.get(key) != value:
            raise UsageError(
                f"{name}: {key} was {then.get(key)!r} when {folder} was trained, and is now "
                f"{value!r}",
                advice=f"{remedy} to train anew",
            )
