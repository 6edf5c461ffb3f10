import json
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from dpi_core import DPIConfig
from dpi_core.imaging.pictures import read_settings
from dpi_core.imaging.pixels import to_tensor
from dpi_core.measure.comparison import compare, most_different
from dpi_core.restore.request import read_request
from dpi_core.show.bundle import comparison_settings, contact_sheet, write_bundle

CONFIG = DPIConfig(steps=3, tau=400)
SEEDS = (5, 1, 9)


@pytest.fixture(scope="module")
def made(restorer):
    from conftest import EXAMPLES

    photo = EXAMPLES / "astronaut-tiny.png"
    results = restorer.restore(photo, CONFIG, seeds=SEEDS, scale=4, aligned=True).results
    comparison = compare(to_tensor(np.stack([np.asarray(r.image) for r in results])), SEEDS)
    return photo, results, comparison


def test_a_bundle_holds_every_result_and_makes_them_again_bit_for_bit(made, restorer, tmp_path):
    photo, results, comparison = made
    path = tmp_path / "comparison.zip"
    write_bundle(path, results, comparison, most_different(comparison.distances, 2))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        pictures = {
            name: Image.open(BytesIO(archive.read(name))) for name in archive.namelist() if name.endswith("png")
        }
        settings = json.loads(archive.read("settings.json"))
    assert set(pictures) == {"seed5.png", "seed1.png", "seed9.png", "contact.png", "spread.png"}
    assert [figure["seed"] for figure in settings["figures"]] == list(SEEDS)
    assert settings["diversity"] > 0
    assert len(settings["most_different"]) == 2

    recipe = read_request(path)
    assert (recipe.config, recipe.seeds, recipe.scale, recipe.aligned) == (CONFIG, SEEDS, 4, True)
    again = restorer.restore(photo, recipe.config, seeds=recipe.seeds, scale=recipe.scale, aligned=recipe.aligned)
    for result in again.results:
        assert np.array_equal(np.asarray(result.image), np.asarray(pictures[f"seed{result.seed}.png"]))


def test_every_picture_of_a_bundle_carries_its_settings(made, tmp_path):
    _, results, comparison = made
    write_bundle(tmp_path / "a.zip", results, comparison)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        archive.extractall(tmp_path)
    assert read_settings(tmp_path / "seed9.png")["seed"] == 9
    assert read_request(tmp_path / "contact.png").seeds == SEEDS
    assert read_settings(tmp_path / "spread.png") == comparison_settings(results, comparison)


def test_the_contact_sheet_starts_with_the_input(made):
    _, results, _ = made
    sheet = np.asarray(contact_sheet(results))
    assert np.array_equal(sheet[:128, :128], np.asarray(results[0].condition))
    assert np.array_equal(sheet[:128, 128:256], np.asarray(results[0].image))
