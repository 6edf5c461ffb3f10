"""Results made again from what they carry (``--settings``), and the films of runs (``--film``)."""

import json

import cv2
import numpy as np
import pytest
from commandline import FAST, TINY, call, complaint, pixels
from PIL import Image

from dpi_core import DPIConfig
from dpi_core.__main__ import parser
from dpi_core.commands.options import request_from
from dpi_core.commands.restore import SEEDS
from dpi_core.imaging.pictures import read_settings
from dpi_core.models.presets import DEFAULT_PRESET, find_preset
from dpi_core.restore.request import Request

MEDIUM = find_preset(DEFAULT_PRESET).config
CONFIG = DPIConfig(steps=3, tau=400, eta=0.5, correct=False, raw_eps=True, project=True)
SAVED = Request(CONFIG, (5, 1, 9), 8, True, 2, "some-prior", "some-corrector")
pytestmark = pytest.mark.usefixtures("analytic_models")


@pytest.fixture
def three(tmp_path, astronaut):
    """A photo of three faces."""
    one = Image.open(astronaut).convert("RGB").crop((120, 0, 330, 240))
    photo = Image.new("RGB", (3 * one.width, one.height))
    for i in range(3):
        photo.paste(one, (i * one.width, 0))
    photo.save(tmp_path / "three.png")
    return tmp_path / "three.png"


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(SAVED.to_dict()))
    return path


def read(*argv) -> Request:
    return request_from(parser().parse_args(["restore", "x", "-o", "y", *map(str, argv)]), SEEDS)


def test_a_result_is_made_again_bit_for_bit(out):
    given = ["--aligned", "--scale", "8", "--steps", "3", "--tau", "500", "--eta", "0.5", "--no-correct", "--project"]
    given += ["--edge-exponent", "2", "--omega", "900", "--sparsity", "4", "--raw-eps", "--seed", "11"]
    assert call("restore", TINY, "-o", out / "first", "--device", "cpu", *given) == 0
    (path,) = (out / "first").iterdir()
    assert call("restore", TINY, "-o", out / "again", "--device", "cpu", "--settings", path) == 0
    (copy,) = (out / "again").iterdir()
    assert np.array_equal(pixels(copy), pixels(path))
    assert read_settings(copy) == read_settings(path)
    assert copy.name == path.name


def test_a_result_is_made_again_from_options_alone(out):
    published = ["--preset", "published", "--device", "cpu"]
    config = DPIConfig(steps=3, tau=500, eta=0.5, omega=900.0, edge_exponent=2.0, sparsity=4, raw_eps=True)
    options = ["--aligned", "--scale", "4", "--raw-eps", "--seed", "11"]
    for name in ("steps", "tau", "eta", "omega", "edge_exponent", "sparsity"):
        options += [f"--{name.replace('_', '-')}", getattr(config, name)]
    assert call("restore", TINY, "-o", out / "first", *published, *options) == 0
    (path,) = (out / "first").iterdir()
    s = read_settings(path)
    assert DPIConfig.from_dict(s["config"]) == config
    assert (s["scale"], s["seed"], s["aligned"]) == (4, 11, True)
    options += ["--prior", s["prior"], "--corrector", s["corrector"]]
    assert call("restore", TINY, "-o", out / "second", *published, *options) == 0
    (copy,) = (out / "second").iterdir()
    assert np.array_equal(pixels(copy), pixels(path))
    assert read_settings(copy) == s


def test_a_whole_photo_is_made_again_with_the_faces_and_the_size_it_had(out, three):
    given = ["--tau", "0", "--seed", "4", "--face", "0,2", "--background", "2"]
    assert call("restore", three, "-o", out / "first", *FAST, *given) == 0
    path = out / "first" / "three-photo-seed4.png"
    again = ["--settings", path, "--device", "cpu", "--detector", "embedded"]
    assert call("restore", three, "-o", out / "again", *again) == 0
    assert sorted(p.name for p in (out / "again").iterdir()) == sorted(p.name for p in (out / "first").iterdir())
    assert np.array_equal(pixels(out / "again" / path.name), pixels(path))
    assert call("restore", three, "-o", out / "one", *again, "--face", "1", "--background", "1") == 0
    assert sorted(p.name for p in (out / "one").iterdir()) == ["three-face1-seed4.png", "three-photo-seed4.png"]
    assert Image.open(out / "one" / "three-photo-seed4.png").size == Image.open(three).size


def test_settings_are_where_a_run_starts(saved):
    assert vars(read("--settings", saved)) == vars(SAVED)
    assert read() == Request(MEDIUM)


def test_every_option_wins_over_the_file(saved):
    def over(*argv) -> dict:
        """What an option changes."""
        found = vars(read("--settings", saved, *argv))
        return {name: value for name, value in found.items() if value != vars(SAVED)[name]}

    assert over("--tau", "0") == {"config": CONFIG.replaced({"tau": 0})}
    assert over("--eta", "0", "--correct") == {"config": CONFIG.replaced({"eta": 0.0, "correct": True})}
    assert over("--no-raw-eps", "--no-project") == {"config": CONFIG.replaced({"raw_eps": False, "project": False})}
    balanced = find_preset("balanced", SAVED.prior).config
    assert over("--preset", "balanced", "--steps", "4") == {"config": balanced.replaced({"steps": 4})}
    assert over("--scale", "4") == {"scale": 4}
    assert over("--scale", "none", "--no-aligned") == {"scale": None, "aligned": False}
    assert over("--face", "0") == {"face": 0}
    assert over("--face", "0,3") == {"face": (0, 3)}
    assert over("--detector", "yunet", "--include-sharp") == {"detector": "yunet", "include_sharp": True}
    assert over("--background", "3") == {"background": 3}
    assert over("--prior", "embedded", "--corrector", "embedded") == {"prior": "embedded", "corrector": "embedded"}


def test_seeds_count_up_from_the_files_first_where_one_is_given(saved):
    assert read("--settings", saved, "--seed", "0").seeds == (0, 1, 2)
    assert read("--settings", saved, "--seeds", "2").seeds == (5, 6)
    assert read("--settings", saved, "--seeds", "1", "--seed", "7").seeds == (7,)
    assert read("--seeds", "2").seeds == (0, 1)
    assert read("--seed", 2**63 - 1).seeds == (2**63 - 1,)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"config": {"tau": 5000}, "seed": 0},
            "settings.json: holds no settings that can be used (tau is 5000; allowed is a whole number from 0 to 1000). Use",
        ),
        ({"config": {}, "seed": 0, "scale": 3}, "scale is 3; allowed"),
        ({"config": {}, "seeds": [3, 4, 3]}, "seeds is [3, 4, 3]; allowed is each seed once"),
        ({"config": {}, "seeds": list(range(65))}, "seeds is 65; allowed is 1 to 64"),
        ({}, "settings.json: holds no settings"),
        (None, "gone.json: holds no settings"),
    ],
)
def test_wrong_settings_are_named_before_anything_is_loaded(capfd, monkeypatch, saved, out, values, message):
    monkeypatch.setattr("dpi_core.restore.restorer.Restorer", lambda *_, **__: pytest.fail("loaded"))
    path = saved if values is not None else saved.with_name("gone.json")
    saved.write_text(json.dumps(values))
    assert message in complaint(capfd, "restore", TINY, "-o", out, "--settings", path)
    assert "holds no settings" in complaint(capfd, "restore", TINY, "-o", out, "--settings", TINY)
    assert not out.exists()


def test_a_model_that_the_file_names_and_nobody_has_is_named(capfd, saved, out):
    assert "prior is 'some-prior'; allowed" in complaint(capfd, "restore", TINY, "-o", out, "--settings", saved)


def test_the_film_of_a_run_is_written_beside_its_results(capfd, out):
    argv = ["restore", TINY, "-o", out, *FAST, "--aligned", "--seeds", "2", "--seed", "3", "--json"]
    assert call(*argv, "--film", "gif") == 0
    report = json.loads(capfd.readouterr().out)
    film = out / "astronaut-tiny-face0-seed3.gif"
    assert report["files"][-1] == str(film)
    assert sorted(report["files"]) == sorted(map(str, out.iterdir()))
    with Image.open(film) as picture:
        assert picture.n_frames == 2
        picture.seek(1)
        shown = np.asarray(picture.convert("RGB").crop((0, 0, 256, 256)).resize((128, 128)), float)
    result = pixels(out / "astronaut-tiny-face0-seed3.png")
    other = pixels(out / "astronaut-tiny-face0-seed4.png")
    assert np.abs(shown - result).mean() < np.abs(shown - other).mean()  # it ends with the first seed's result
    assert call("restore", TINY, "-o", out / "mp4", *FAST, "--aligned", "--film", "mp4") == 0
    video = cv2.VideoCapture(str(out / "mp4" / "astronaut-tiny-face0-seed0.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) >= 2
    video.release()


def test_every_face_has_its_film(out, three):
    assert call("restore", three, "-o", out, *FAST, "--face", "0,2", "--film", "gif") == 0
    assert sorted(path.name for path in out.glob("*.gif")) == ["three-face0-seed0.gif", "three-face2-seed0.gif"]


def test_a_run_starts_with_the_pages_preset_for_its_prior_and_the_published_one_is_a_word_away(large_prior):
    assert read().config == MEDIUM != DPIConfig()
    assert read("--steps", "7").config == MEDIUM.replaced({"steps": 7})
    assert read("--prior", large_prior).config == find_preset(DEFAULT_PRESET, large_prior).config != MEDIUM
    assert read("--preset", "published").config == DPIConfig()
