"""Writing a detector's card: detector.yaml, and CARD.md for people, generated from it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

from fakecheck.calibration import silent_fields
from fakecheck.card import CARD_FILE, GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE, load_card
from fakecheck.errors import UsageError
from fakecheck_training.data import TERMS, Sample, pick
from fakecheck_training.kept import backbones_up_to
from fakecheck_training.markdown import table
from fakecheck_training.recipe import RECIPES, DetectorRecipe

# Where the negatives of a row of metrics come from.
OWN, POOLED = "own reals", "reals of all sets"
GRAPH_LICENCE = "Apache-2.0{}, as far as the terms of the training data leave it"
START_LICENCE = " (weights started from {}, Apache-2.0)"
DATA_LICENCE = (
    "Trained on data for research and non-commercial use; see the terms of each set under training"
)


def code_commit() -> str | None:
    """The commit of this checkout, None where it is none."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def sha256(path: Path) -> str:
    """The file's sha256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def file_digests(folder: Path) -> dict[str, str]:
    """The files of a bundle that lie in `folder` → their sha256, as a card names them."""
    files = (GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE)
    return {name: sha256(folder / name) for name in files if (folder / name).exists()}


def training_data(recipe: DetectorRecipe, samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """A row for every set and use: positives, negatives, calibration."""

    def fakes(split: str) -> list[Sample]:
        return pick(samples, split, fake=True, sets=recipe.fake_sets)

    uses = {
        "positives": fakes("fit"),
        "negatives": pick(samples, "fit", fake=False),
        "calibration": fakes("calib") + pick(samples, "calib", fake=False),
    }
    if recipe.simulate:
        uses["positives, simulated on them"] = uses["negatives"]
    if recipe.records.blended:
        uses["positives, blended of them"] = uses["negatives"]
    terms = {**TERMS, **{item.name: item.terms for item in recipe.inputs}}
    rows = []
    for use, members in uses.items():
        for name in sorted({sample.dataset for sample in members}):
            count = sum(sample.dataset == name for sample in members)
            rows.append(
                {
                    "set": name,
                    "split": "train",
                    "use": use,
                    "pictures": count,
                    "terms": terms.get(name, "unknown"),
                }
            )
    return rows


def training_commands(recipe: DetectorRecipe, work: Path) -> str:
    """The lines that make the detector again, in order; its backbone lies in `work`."""
    steps = [f"backbone {name}" for name in backbones_up_to(work, recipe.backbone)]
    steps += [f"{step} {recipe.name}" for step in ("prepare", "train", "export", "calibrate")]
    lines = ["python -m fakecheck_training.faces"]
    lines += [f"python -m fakecheck_training.{step}" for step in steps]
    return " && ".join(lines)


def architecture(recipe: DetectorRecipe) -> str:
    """The type of the feature extractor that the recipe's template or overrides name."""
    # By their text: a card needs no TensorFlow, which the template's own parser does.
    text = (RECIPES / recipe.pipeline).read_text(encoding="utf-8") + recipe.overrides
    found = re.findall(r"""\btype\s*:\s*["'](\w+)["']""", re.sub("#.*", "", text))
    if not found:
        raise UsageError(f"{recipe.pipeline} names no type of a feature extractor")
    return str(found[-1])  # the last one counts, as where texts are merged


def new_card(
    recipe: DetectorRecipe,
    folder: Path,
    data: Sequence[dict[str, Any]],
    stages: Sequence[dict[str, Any]],
    work: Path,
) -> dict[str, Any]:
    """The card of a bundle whose files lie in `folder`, not calibrated yet: it says nothing."""
    side = recipe.crop.side
    return {
        "schema": "fakecheck.detector/1",
        "id": recipe.name,
        "version": recipe.version,
        "family": recipe.family,
        "kind": recipe.kind,
        "architecture": architecture(recipe),
        "summary": recipe.summary,
        "crop": {
            "regions": list(recipe.crop.regions),
            "margin": recipe.crop.margin,
            "max_tilt": recipe.crop.max_tilt,
        },
        "min_face": recipe.min_face,
        "filters": list(recipe.crop.filters),
        "input": {"width": side, "height": side, "color": "rgb"},
        "files": file_digests(folder),
        **silent_fields(recipe.classes),
        "training": {
            "data": list(data),
            "command": training_commands(recipe, work),
            "seed": recipe.seed,
            "steps": recipe.steps,
            "date": datetime.now(timezone.utc).date().isoformat(),
            **({"commit": commit} if (commit := code_commit()) else {}),
            "stages": list(stages),
        },
        "metrics": [],
        "licence": {
            "graph": GRAPH_LICENCE.format(_start_licence(stages)),
            "data": DATA_LICENCE,
        },
        "limits": list(recipe.limits),
    }


def _start_licence(stages: Sequence[Mapping[str, Any]]) -> str:
    """What the graph owes to the ImageNet weights that it started from, if any."""
    weights = [stage["weights"].split()[0] for stage in stages if stage["name"] == "imagenet"]
    return START_LICENCE.format(weights[0]) if weights else ""


def read_card(folder: Path) -> dict[str, Any]:
    """The content of detector.yaml, checked as the runtime checks it."""
    load_card(folder)
    content = yaml.safe_load((folder / CARD_FILE).read_text(encoding="utf-8"))
    return dict(content)


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Writes detector.yaml and CARD.md, and checks that the runtime takes the card."""
    text = yaml.safe_dump(_plain(card), sort_keys=False, allow_unicode=True, width=100)
    (folder / CARD_FILE).write_text(text, encoding="utf-8", newline="\n")
    load_card(folder)
    (folder / "CARD.md").write_text(card_page(card), encoding="utf-8", newline="\n")


def _plain(value: Any) -> Any:
    """Without numpy's types and shared references, which YAML would write as tags and anchors."""
    return json.loads(json.dumps(value, default=float))


def card_page(card: dict[str, Any]) -> str:
    """CARD.md: the card as a page to read."""
    training = card["training"]
    crop, size = card["crop"], card["input"]
    parts = [
        f"# {card['id']} {card['version']}\n\n{card['summary']}\n\n"
        "Generated from detector.yaml by `python -m fakecheck_training.accuracy --cards`; "
        "do not edit.\n",
        f"- family: {card['family']} ({card['kind']})\n"
        f"- architecture: {card['architecture']}\n"
        f"- looks at: {', '.join(crop['regions'])}, margin {crop['margin']}, "
        f"{size['width']} x {size['height']} pixels\n"
        f"- boxes: {', '.join(spec['name'] for spec in card['classes'])}\n",
        "## Accuracy\n\nOn pictures that were neither trained nor calibrated on: of this detector "
        "alone, and of the fused verdict with all detectors that docs/accuracy.md names. Recall is "
        "at the score that 1 % of the reals of all sets, degraded alike, exceed.\n\n"
        + table(
            (
                "of",
                "set",
                "degradation",
                "negatives",
                "ROC AUC",
                "recall at 1 % FPR",
                "fake",
                "real",
            ),
            [
                (
                    m.get("of", "detector"),
                    m["set"],
                    m["degradation"],
                    m["negatives_from"],
                    f"{m['auc']:.3f}",
                    f"{m['recall_at_fpr01']:.3f}",
                    m["positives"],
                    m["negatives"],
                )
                for m in card["metrics"]
            ],
        ),
        "## Calibration\n\n"
        + table(
            ("class", "slope", "intercept", "least llr", "greatest llr", "score at 1 % FPR"),
            [
                (
                    spec["name"],
                    *(f"{v:.3f}" for v in spec["calibration"].values()),
                    f"{spec['threshold']:.4f}",
                )
                for spec in card["classes"]
            ],
        ),
        f"## Training\n\n    {training['command'].replace(' && ', chr(10) + '    ')}\n\n"
        f"Seed {training['seed']}, {training['steps']} steps, {training['date']}, "
        f"code of commit {training.get('commit', 'unknown')}.\n\n"
        + table(
            ("set", "use", "pictures", "terms"),
            [(d["set"], d["use"], d["pictures"], d["terms"]) for d in training["data"]],
        )
        + "\n"
        + "".join(f"- {_stage(stage)}\n" for stage in training["stages"]),
        "## Limits\n\n" + "".join(f"- {limit}\n" for limit in card["limits"]),
        f"## Licence\n\n- graph: {card['licence']['graph']}\n- data: {card['licence']['data']}\n",
    ]
    return "\n".join(parts)


def _stage(stage: dict[str, Any]) -> str:
    facts = ", ".join(f"{key} {value}" for key, value in stage.items() if key != "name")
    return f"{stage['name']}: {facts}"
