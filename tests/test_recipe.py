import json
import zipfile
from dataclasses import replace

import pytest
from PIL import Image

from dpi_core.imaging.pictures import ImageError, save_png
from dpi_core.method.config import DPIConfig
from dpi_core.restore.recipe import Branch, Recipe, read_recipe

CONFIG = DPIConfig(steps=7, tau=120, eta=0.5, project=True)
RECIPE = Recipe(CONFIG, (3, 2**40), 8, True, 2, "embedded", "embedded")


def test_a_recipe_comes_back_from_its_dict_and_from_json():
    assert Recipe.from_dict(RECIPE.to_dict()) == RECIPE
    assert Recipe.from_dict(json.loads(json.dumps(RECIPE.to_dict()))) == RECIPE
    assert Recipe.from_dict(Recipe().to_dict()) == Recipe()
    branched = replace(RECIPE, branch=Branch(6, 2**40))
    assert Recipe.from_dict(json.loads(json.dumps(branched.to_dict()))) == branched


@pytest.mark.parametrize("suffix", [".png", ".json", ".zip"])
def test_a_recipe_is_read_from_every_file_that_carries_one(tmp_path, suffix):
    path = tmp_path / f"result{suffix}"
    if suffix == ".png":
        save_png(Image.new("RGB", (4, 4)), path, RECIPE.to_dict())
    elif suffix == ".json":
        path.write_text(json.dumps(RECIPE.to_dict()))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("settings.json", json.dumps(RECIPE.to_dict()))
    assert read_recipe(path) == RECIPE
    assert read_recipe(str(path)) == RECIPE


def test_one_results_settings_are_a_recipe_of_one_seed():
    recipe = Recipe.from_dict({"config": {"tau": 50}, "seed": 9, "scale": None, "face": 1, "measured": {}})
    assert recipe == Recipe(DPIConfig(tau=50), (9,), face=1)


def test_a_photos_settings_name_its_faces():
    one = {"config": {}, "seed": 4, "face": 0}
    assert Recipe.from_dict({"faces": [one]}).face == 0
    assert Recipe.from_dict({"faces": [one, {**one, "face": 1}], "background": 2}).face == (0, 1)
    assert Recipe.from_dict({"faces": [one], "background": 3}).background == 3
    assert Recipe.from_dict({"faces": [one, {**one, "seed": 5}]}).face == 0  # one face, two seeds


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "no 'config'"),
        ({"config": {}}, "no 'config' with"),
        ({"config": {"tau": -1}, "seed": 0}, "tau is -1"),
        ({"config": {"colour": 1}, "seed": 0}, "no field 'colour'"),
        ({"config": {}, "seed": -1}, "seed is -1"),
        ({"config": {}, "seeds": []}, "seeds is \\[\\]"),
        ({"config": {}, "seeds": "12"}, "seeds is '12'"),
        ({"config": {}, "seed": 0, "scale": 5}, "scale is 5"),
        ({"config": {}, "seed": 0, "face": "both"}, "face is 'both'"),
        ({"config": {}, "seed": 0, "face": [0, "x"]}, "face is 'x'"),
        ({"config": {}, "seed": 0, "background": 9}, "background is 9"),
        ({"config": {"steps": 4}, "seed": 0, "branch": {"step": 4, "seed": 0}}, "the step of the branch is 4"),
        ({"config": {}, "seed": 0, "branch": {"step": 1, "seed": -1}}, "seed is -1"),
        ({"config": {}, "seed": 0, "branch": 3}, "branch is 3"),
        ([1], "no JSON object"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, values, message):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(values))
    with pytest.raises(ImageError, match=rf"settings\.json: holds no settings that can be used.*{message}"):
        read_recipe(path)


def test_other_files_are_refused_with_a_message(tmp_path):
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "a.zip").write_bytes(b"PK nothing")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    for name in ("a.json", "a.zip", "a.png", "empty.zip", "missing.json"):
        with pytest.raises(ImageError, match=name):
            read_recipe(tmp_path / name)
