"""The face evaluation: finds are matched to the right faces, figures add up, and the program writes what it says."""

import json

import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core.evaluation.face_sheets import sheets
from dpi_core.evaluation.faces import (
    Found,
    Row,
    available,
    look,
    main,
    matches,
    reference,
    row_of,
    table,
    total,
)
from dpi_core.faces.face import Face
from dpi_core.faces.rgb import to_rgb
from dpi_core.faces.templates import TEMPLATES

TIGHT = TEMPLATES["tight-128"].array()
EYES = float(np.linalg.norm(TIGHT[1] - TIGHT[0]))


def face_at(x: float, y: float = 0.0, scale: float = 1.0) -> Face:
    return Face((x, y, x + 128 * scale, y + 128 * scale), TIGHT * scale + (x, y), 0.9, "embedded")


def test_the_same_faces_match_without_error_in_any_order():
    truth = [face_at(0), face_at(300), face_at(700, 50)]
    pairs = matches(truth[::-1], truth)
    assert sorted((i, j) for i, j, _ in pairs) == [(0, 2), (1, 1), (2, 0)]
    assert max(error for _, _, error in pairs) == 0


def test_an_error_is_a_part_of_the_eye_distance():
    for scale in (0.5, 1.0, 3.0):
        ((_, _, error),) = matches([face_at(0.2 * EYES * scale, scale=scale)], [face_at(0, scale=scale)])
        assert error == pytest.approx(0.2)


def test_a_face_is_matched_once_and_only_nearby():
    assert [pair[:2] for pair in matches([face_at(9), face_at(2)], [face_at(0)])] == [(1, 0)]
    assert matches([face_at(EYES)], [face_at(0)]) == []
    assert matches([], [face_at(0)]) == []


def test_missed_and_false_faces_are_counted():
    found = Found([face_at(0), face_at(2000)], 1.0, 100.0)
    row = row_of("a.jpg", 90, "embedded", found, [face_at(1), face_at(500), face_at(900)])
    assert (row.faces, row.missed, row.false) == (2, 2, 1)
    assert row.error == pytest.approx(100 / EYES)
    assert row_of("a.jpg", 90, "embedded", Found([], 1.0, 1.0), []).error is None


def test_totals_are_sums_and_means_over_faces():
    rows = [
        Row("a", 180, "embedded", 3, 0, 1, 4.0, 1.0, 200.0),
        Row("b", 180, "embedded", 1, 2, 0, 10.0, 3.0, 250.0),
        Row("c", 180, "embedded", 0, 0, 0, None, 2.0, 250.0),
    ]
    assert total(rows) == Row("all", 180, "embedded", 4, 2, 1, 6.0, 2.0, 250.0)
    lines = table(rows).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2] == "| a | 180 | embedded | 3 | 0 | 1 | 4.0 | 1.00 | 200 |"
    assert lines[-1] == "| c | 180 | embedded | 0 | 0 | 0 | - | 2.00 | 250 |"


def test_a_turned_photo_is_compared_in_the_upright_ones_pixels():
    photo = EXAMPLES / "astronaut.jpg"
    truth = reference(to_rgb(Image.open(photo)))
    found = look(photo, 3, "embedded")
    row = row_of("astronaut", 270, "embedded", found, truth)
    assert (row.faces, row.missed, row.false) == (1, 0, 0)
    assert row.error < 5


def test_files_that_are_no_pictures_are_left_out(bad_files):
    assert all(look(path, 0, "embedded") is None for path in bad_files.values())


def test_tiles_lie_under_each_other():
    tiles = [Image.new("RGB", (20, 10 + i), (i, i, i)) for i in range(6)]
    first, second = sheets(tiles)
    assert first.size == (20, 10 + 11 + 12 + 13)
    assert second.size == (20, 14 + 15)
    assert second.getpixel((5, 20)) == (5, 5, 5)
    assert sheets([]) == []


def test_the_program_prints_a_table_and_writes_figures_and_sheets(tmp_path, analytic_models, monkeypatch, capsys):
    monkeypatch.setenv("DPI_CORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    assert available()["embedded"] == ""
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.open(EXAMPLES / "astronaut.jpg").crop((110, 0, 340, 240)).save(photos / "portrait.png")
    Image.new("RGB", (80, 60), "teal").save(photos / "flat.png")
    (photos / "broken.png").write_text("no picture")
    out = tmp_path / "out"
    assert main([str(photos), "--out", str(out), "--steps", "2", "--device", "cpu", "--turns", "0", "90"]) == 0
    printed = capsys.readouterr().out
    assert "| portrait.png | 90 | embedded | 1 | 0 | 0 |" in printed
    assert "| flat.png | 0 | embedded | 0 |" in printed
    assert "broken" not in printed
    assert "face-alignment was left out: its weights are not in" in printed
    rows = json.loads((out / "figures.json").read_text())
    assert [row["photo"] for row in rows] == ["flat.png", "portrait.png"] * 2 + ["all"] * 2
    assert Image.open(out / "sheet-1.jpg").width == 1288


def test_an_empty_folder_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert "holds no picture" in capsys.readouterr().err
