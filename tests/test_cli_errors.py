"""Options and what is wrong with them: one line on stderr, exit code 2, and nothing loaded before."""

import numpy as np
import pytest
from commandline import FAST, TINY, call, complaint
from conftest import EXAMPLES
from PIL import Image

from dpi_core import DPIConfig
from dpi_core.__main__ import parser
from dpi_core.commands.options import config_from
from dpi_core.errors import DPIError
from dpi_core.models.presets import PRESETS

pytestmark = pytest.mark.usefixtures("offline", "analytic_models")


def test_options_lie_over_the_preset():
    def parse(*argv):
        return config_from(parser().parse_args(["restore", "x", "-o", "y", *argv]), DPIConfig())

    assert parse() == DPIConfig()
    for name, (config, _) in PRESETS.items():
        assert parse("--preset", name) == config
    balanced = PRESETS["balanced"][0]
    assert parse("--preset", "balanced", "--steps", "7", "--no-correct") == balanced.replaced(
        {"steps": 7, "correct": False}
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tau", "5000"], "tau is 5000; allowed is a whole number from 0 to 1000"),
        (["--tau", "soon"], "argument --tau: invalid int value: 'soon'"),
        (["--steps", "0"], "steps is 0; allowed"),
        (["--sparsity", "9"], "sparsity is 9; allowed"),
        (["--eta", "nan"], "eta is nan; allowed"),
        (["--seeds", "0"], "seeds is 0; allowed is 1 to 64"),
        (["--seed", "-1"], "seed is -1; allowed"),
        (["--seeds", "1000"], "seeds is 1000; allowed is 1 to 64"),
        (["--face", "nose"], "face is 'nose'; allowed"),
        (["--preset", "best"], "argument --preset: invalid choice: 'best'"),
        (["--scale", "small"], "argument --scale: 'small' is not 4, 8, 16 or none"),
        (["--film", "avi"], "argument --film: invalid choice: 'avi'"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_loaded(capfd, monkeypatch, out, options, message):
    monkeypatch.setattr("dpi_core.restore.restorer.Restorer", lambda *_, **__: pytest.fail("loaded"))
    assert message in complaint(capfd, "restore", TINY, "-o", out, *options)
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scale", "3"], "scale is 3; allowed is one of (4, 8, 16)"),
        (["--prior", "no-such-prior"], "prior is 'no-such-prior'; allowed"),
        (["--corrector", str(EXAMPLES)], "no diffusers UNet2DModel"),
        (["--device", "abacus"], "device is 'abacus'"),
    ],
)
def test_a_wrong_option_that_needs_the_models_is_named_too(capfd, out, options, message):
    assert message in complaint(capfd, "restore", TINY, "-o", out, "--aligned", "--steps", "2", *options)
    assert not list(out.glob("*"))


def test_wrong_files_are_named(capfd, tmp_path, out):
    missing = complaint(capfd, "restore", tmp_path / "gone.jpg", "-o", out)
    assert missing.endswith("gone.jpg: there is no such file or folder.\n")
    (tmp_path / "empty").mkdir()
    assert "the folder holds no picture" in complaint(capfd, "restore", tmp_path / "empty", "-o", out)
    (tmp_path / "taken").touch()
    assert "taken" in complaint(capfd, "restore", TINY, "-o", tmp_path / "taken", *FAST, "--aligned")
    (tmp_path / "void.png").touch()
    assert "void.png: the file is empty" in complaint(capfd, "restore", tmp_path / "void.png", "-o", out, *FAST)


@pytest.mark.parametrize(
    "words", [["restore", "", "-o", "y"], ["restore", "x", "-o", ""], ["detect", ""], ["compare", ""]]
)
def test_an_empty_name_is_not_the_current_folder(capfd, words):
    assert "the name is empty; for the current folder write ." in complaint(capfd, *words)


def test_a_texture_holds_no_face(capfd, tmp_path, out):
    y, x = np.mgrid[:160, :160]
    texture = ((np.sin(x / 3) + np.sin((x + y) / 5)) * 60 + 128).astype(np.uint8)
    Image.fromarray(texture).save(tmp_path / "texture.png")
    error = complaint(capfd, "restore", tmp_path / "texture.png", "-o", out, *FAST)
    assert "No face was found in the picture of 160x160 pixels" in error
    assert not list(out.glob("*"))


def test_what_nobody_expected_is_logged_and_told_without_its_words(capfd, caplog, monkeypatch, tmp_path, out):
    def broken(photo, *_, **__):
        if photo.stem == "b":
            raise ValueError("a library's own words")
        raise DPIError(f"{photo.name}: refused")

    monkeypatch.setattr("dpi_core.restore.restorer.prepare", broken)
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(TINY.read_bytes())
    assert call("restore", *(tmp_path / f"{name}.png" for name in "abc"), "-o", out, *FAST) == 1
    a, b, c, *listed = [line for line in capfd.readouterr().err.splitlines() if line.startswith("dpi_core: ")]
    assert listed == ["dpi_core: 3 of 3 photos failed:", a, b, c]
    assert "a.png: refused" in a
    assert "b.png: an unexpected error, ValueError" in b
    assert "c.png: refused" in c
    assert "Traceback" in caplog.text
    assert "a library's own words" in caplog.text
    assert call("restore", tmp_path / "b.png", "-o", out, *FAST) == 70, "a single photo is the whole command"


def test_the_unexpected_outside_a_photo_ends_with_70_too(capfd, monkeypatch, out):
    monkeypatch.setattr("dpi_core.commands.restore.restorer_from", lambda *_: [][0])
    assert call("restore", TINY, "-o", out, *FAST) == 70
    assert "an unexpected error, IndexError" in capfd.readouterr().err
