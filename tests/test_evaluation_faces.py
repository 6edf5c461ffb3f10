"""The face evaluation: finds are matched to the right faces, and the program counts what it says."""

import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core.evaluation.faces import agreed, main
from dpi_core.faces.face import Face
from dpi_core.faces.templates import TEMPLATES

TIGHT = TEMPLATES["tight-128"].array()
EYES = float(np.linalg.norm(TIGHT[1] - TIGHT[0]))


def face_at(x: float, y: float = 0.0, scale: float = 1.0) -> Face:
    return Face((x, y, x + 128 * scale, y + 128 * scale), TIGHT * scale + (x, y), 0.9, "embedded")


def test_the_same_faces_agree_in_any_order():
    truth = [face_at(0), face_at(300), face_at(700, 50)]
    assert agreed(truth[::-1], truth) == 3
    assert agreed(truth[:1], truth) == 1
    assert agreed([], truth) == agreed(truth, []) == 0


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_how_near_a_face_must_be_follows_its_size(scale):
    true = [face_at(0, scale=scale)]
    assert agreed([face_at(0.45 * EYES * scale, scale=scale)], true) == 1
    assert agreed([face_at(0.55 * EYES * scale, scale=scale)], true) == 0


def test_a_face_is_found_once():
    assert agreed([face_at(9), face_at(2)], [face_at(0)]) == 1


def test_the_program_counts_faces_in_every_turn(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.open(EXAMPLES / "astronaut.jpg").crop((110, 0, 340, 240)).save(photos / "portrait.png")
    Image.new("RGB", (80, 60), "teal").save(photos / "flat.png")
    (photos / "broken.png").write_text("no picture")
    main([str(photos), "--turns", "0", "90", "270"])
    printed = capsys.readouterr()
    for turn in (0, 90, 270):
        assert f"| embedded | {turn} | 2 | 1 | 0 | 0 |" in printed.out
    assert "broken.png" in printed.err
    assert "face-alignment was left out: its weights are not in" in printed.out


def test_an_empty_folder_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert "holds no picture" in capsys.readouterr().err
