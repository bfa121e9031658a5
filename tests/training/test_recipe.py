"""Recipes: the bundled ones are right, wrong ones are told by key."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakecheck.errors import UsageError
from fakecheck_training.recipe import RECIPES, load_backbone_recipe, load_detector_recipe
from fakecheck_training.sequence.recipe import load_sequence_recipe


@pytest.mark.parametrize("name", ["stargan", "deepfakes", "partswap"])
def test_detector_recipes_load_and_start_from_a_backbone_that_exists(name: str) -> None:
    recipe = load_detector_recipe(Path(name))
    assert recipe.name == name
    assert recipe.records.fakes > 1000
    backbone = load_backbone_recipe(Path(recipe.backbone))
    assert (backbone.crop.regions == ["face"]) == (recipe.crop.regions == ["face"])


def test_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no recipe 'stylegan9'.*stargan"):
        load_detector_recipe(Path("stylegan9"))


def test_a_path_that_leads_nowhere_is_no_bundled_recipe() -> None:
    assert load_detector_recipe(Path("stylegan.yaml")).name == "stylegan"
    with pytest.raises(UsageError, match=r"no recipe '/no/such/dir/stylegan\.yaml'"):
        load_detector_recipe(Path("/no/such/dir/stylegan.yaml"))


def test_a_template_lies_beside_its_recipe_or_here(tmp_path: Path) -> None:
    text = (RECIPES / "stylegan.yaml").read_text()
    path = tmp_path / "own" / "recipe.yaml"
    path.parent.mkdir()
    path.write_text(text)
    assert load_detector_recipe(path).pipeline == "ssd_lite0_fpn.config"
    path.write_text(text.replace("ssd_lite0_fpn.config", "../mine.config"))
    with pytest.raises(UsageError, match=r"no pipeline '../mine\.config' beside the recipe"):
        load_detector_recipe(path)
    (tmp_path / "mine.config").touch()
    assert Path(load_detector_recipe(path).pipeline) == (tmp_path / "mine.config").resolve()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\ncrop: {regions: [face], side: 96}\n", "key 'steps' is missing"),
        ("name: x\nstep: 4\n", "unknown key 'step'"),
        ("name: x\ncrop: {regions: [face], side: big}\nsteps: 4\n", "crop: side must be int"),
        ("name: x\ncrop: 3\nsteps: 4\n", "crop must be a mapping"),
        (
            "name: x\ncrop: {regions: [face], side: 96}\nsteps: 4\nnetwork: lite9\n",
            "network must be lite0 or lite2, got 'lite9'",
        ),
        ("- name\n", "must hold a mapping"),
        ("name: [\n", "is no YAML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_backbone_recipe(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("runs", "[{seed: 1, length: 0}]", "every run needs a length of 1 or more"),
        ("runs", "[{seed: 1}, {seed: 2}, {seed: 1}]", "and draws of its own"),
        ("runs", "[1, 1]", r"runs\[0\] must be a mapping"),
        ("min_level", "6", "min_level must be 3, 4 or 5, got 6"),
    ],
)
def test_mistakes_in_runs_and_levels_are_named(
    tmp_path: Path, key: str, value: str, message: str
) -> None:
    lines = (RECIPES / "faceswap.yaml").read_text().splitlines()
    path = tmp_path / "recipe.yaml"
    path.write_text("\n".join([line for line in lines if not line.startswith(f"{key}:")]))
    load_detector_recipe(path)
    path.write_text(f"{path.read_text()}\n{key}: {value}\n")
    with pytest.raises(UsageError, match=message):
        load_detector_recipe(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: stylegan", "name: ../x", "name must be small letters"),
        ("steps: ", "steps: -", "steps must be 1 or more"),
        ("batch: 16", "batch: 0", "batch must be 1 or more"),
        ("seed: 1\n", "seed: -1\n", "seed must be 0 or more"),
        ("regions: [face]", "regions: [ear]", "regions must be"),
        ("regions: [face]", "regions: [eyes]", "crops of parts need the classes"),
        ("face_synthesis]", "face_synthesis, face_synthesis]", "none twice"),
        ("ssd_lite0_fpn.config", "nosuch.config", "there is no pipeline 'nosuch.config'"),
        ("[56, 230]", "[900, 300]", "the smaller one first"),
        ("[56, 230]", "[a, b]", "degrade: face_side must be float"),
        ("{stylegan: 8.0}", "{stylegan: -8.0}", "the weight of stylegan must be over 0"),
        ("{stylegan: 8.0}", "{stylegan: x}", "real_weights.stylegan must be float"),
        ("margin: 0.3", "margin: -0.6", "margin must be 0 or more, got -0.6"),
        ("untouched: ", "compress: 7, untouched: ", "compress must be from 0 to 1, got 7"),
        ("untouched: ", "quality: [95, 35], untouched: ", "at most 100, the smaller one first"),
        ("mirrored: true", "mirrored: true\nsteps_: 1", "unknown key 'steps_'"),
        ("runs: [{seed: 1}", "runs: [{seed: -1}", "the seed of a run must be 0 or more"),
        ("kind: synthesis", "kind: nonsense", "kind: Input should be 'synthesis'"),
        ("family: stylegan", "family: Style GAN", "family: String should match"),
        ("version: ", "version: new", "version: String should match"),
        ("seed: 1\n", "seed: 1\nmin_face: -5\n", "min_face: .* greater than or equal to 8"),
        ("[face_synthesis]", "[banana]", "class 'banana' is no <region>_<artifact>"),
        ("[face_synthesis]", "[Face_Synthesis]", "class 'Face_Synthesis' is no <region>"),
        ("[face_synthesis]", "[face_Synthesis]", r"classes\.0\.name: String should match"),
        ("rate: 0.001", "rate: -1", "the learning rate must be over 0, got -1"),
        ("margin: 0.3", "margin: .nan", "margin must be a finite number, got nan"),
        ("[56, 230]", "[1, .inf]", "face_side must be a finite number, got inf"),
        ("side: 160", "side: 100000", "side must be from 16 to 2048, got 100000"),
        ("steps: 1200", "steps: 1201", "multiple of a number from 10 to 50, got 1201"),
        (
            "classes: [face_synthesis]",
            "simulate: {artifacts: [blur], regions: [face]}\nclasses: [face_blur]",
            "there can be none of stylegan",
        ),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_drawn(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (RECIPES / "stylegan.yaml").read_text()
    assert old in text
    path = tmp_path / "recipe.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UsageError, match=message):
        load_detector_recipe(path)


def test_a_recipe_needs_a_limit(tmp_path: Path) -> None:
    text = (RECIPES / "stylegan.yaml").read_text()
    path = tmp_path / "recipe.yaml"
    path.write_text(f"{text[: text.index('limits:')]}limits: []\n")
    with pytest.raises(UsageError, match=r"limits: .*at least 1 item"):
        load_detector_recipe(path)


def test_ranges_and_whole_numbers_are_converted(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "name: x\ncrop: {regions: [face], side: 96, margin: 0}\nsteps: 4\n"
        "degrade: {face_side: [60, 90]}\n"
    )
    recipe = load_backbone_recipe(path)
    assert recipe.degrade.face_side == (60, 90)
    assert isinstance(recipe.crop.margin, float)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("folds: 8", "folds: 1", "folds must be 2 or more"),
        ("steps: 600", "steps: 0", "steps must be 1 or more"),
        ("sets: {ffpp_calib: 5", "sets: {ffpp_val: 5", "sets: unknown 'ffpp_val'"),
        ("calibrate_on: [ffpp_calib", "calibrate_on: [ffpp_calb", "'ffpp_calb' is none of sets"),
        ("miss_rate: 0.05", "miss_rate: 5", "miss_rate must be between 0 and 1"),
    ],
)
def test_what_the_temporal_model_cannot_be_is_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (RECIPES / "sequence.yaml").read_text()
    assert old in text
    path = tmp_path / "recipe.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UsageError, match=message):
        load_sequence_recipe(path)
