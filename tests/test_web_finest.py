"""Faces that are large in their photo: the views of one face show and save them at twice the prior's side, and figures stay."""

import json
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core.imaging.pictures import read_settings
from dpi_core.models.octave import Octave
from dpi_core.restore.request import Request
from dpi_core.web.ab_run import run_ab
from dpi_core.web.axes import plan_grid
from dpi_core.web.explore_run import run_exploration
from dpi_core.web.seeds_run import run_comparison
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making, decoded

LARGE = str(EXAMPLES / "astronaut.jpg")  # taken whole, as a face of as many pixels
PLAIN, DRAWN = (128, 128), (256, 256)


def asked(octave, **values):
    config = {"steps": 3, "tau": 400, "eta": 1.0}
    return Request().replaced({"config": config, "aligned": True, "octave": octave, **values})


@pytest.fixture
def session():
    session = Session()
    yield session
    session.clean()


def halves(picture, plain):
    """Tell whether the pixels of `plain` are the means of 2x2 of `picture`, rounded, where none of those was clipped."""
    blocks = np.asarray(picture, np.int16).reshape(128, 2, 128, 2, 3)
    whole = (blocks.min(axis=(1, 3)) > 0) & (blocks.max(axis=(1, 3)) < 255)
    apart = np.abs(blocks.mean(axis=(1, 3)) - np.asarray(plain))[whole]
    return whole.mean() > 0.5 and apart.max() <= 1


def compared(engine, session, octave):
    items = list(run_comparison(engine, session, Making(LARGE, asked(octave, seeds=[3, 5]))))
    with zipfile.ZipFile(items[-1].files[0]) as archive:
        saved = [Image.open(BytesIO(archive.read(f"seed{seed}.png"))) for seed in (3, 5)]
        sheet = Image.open(BytesIO(archive.read("contact.png")))
        figures = json.loads(archive.read("settings.json"))
    return items, items[-1].view, saved, sheet, figures


def test_compared_seeds(engine, session):
    items, view, saved, sheet, figures = compared(engine, session, True)
    _, plain_view, plain_saved, _, plain_figures = compared(engine, session, False)
    assert [decoded(picture).size for item in items[1:-1] for picture in item["now"]["pictures"]] == 6 * [PLAIN]
    assert "drawing the faces at 256 pixels" in items[-2]["line"]
    for result, picture, plain in zip(view["results"], saved, plain_saved, strict=True):
        assert decoded(result["picture"]).tobytes() == picture.tobytes()
        assert (picture.size, plain.size) == (DRAWN, PLAIN)
        assert halves(picture, plain)
    assert sheet.width == 3 * 256
    assert (figures.pop("octave"), plain_figures.pop("octave")) == (True, False)
    assert figures == plain_figures
    for name in ("heat", "spreads", "note", "pair"):
        assert view[name] == plain_view[name]
    assert [r["line"] for r in view["results"]] == [r["line"] for r in plain_view["results"]]


def test_a_and_b(engine, session):
    def ran(octave):
        sides = [asked(octave, seeds=[3]), asked(octave, seeds=[3], method="ddnm")]
        *_, outcome = run_ab(engine, session, LARGE, *sides)
        pictures = [Image.open(path).copy() for path in outcome.files[:2]]
        return outcome.view, pictures, read_settings(outcome.files[0]), json.loads(Path(outcome.files[2]).read_text())

    view, pictures, settings, record = ran(True)
    plain_view, plain, _, plain_record = ran(False)
    assert settings["octave"]
    for side, picture, half in zip(view["sides"], pictures, plain, strict=True):
        assert (picture.size, half.size) == (DRAWN, PLAIN)
        assert decoded(side["picture"]).tobytes() == picture.tobytes()
        assert halves(picture, half)
    assert (view["heat"], view["figures"]) == (plain_view["heat"], plain_view["figures"])
    assert record["distance_levels"] == plain_record["distance_levels"]


def test_cells(engine, session, monkeypatch):
    drawn, draw = [], Octave.draw
    monkeypatch.setattr(Octave, "draw", lambda self, means, seeds: drawn.extend(seeds) or draw(self, means, seeds))

    def ran(octave):
        grid = plan_grid(asked(octave, seeds=[3, 5]), "tau", "0, 700", "sparsity", "2")
        *steps, outcome = run_exploration(engine, session, LARGE, grid)
        cells = [decoded(cell["picture"]) for cell in outcome.view["cells"]]
        return steps, outcome.view["measures"], cells, Image.open(outcome.files[0]).copy()

    steps, measures, cells, sheet = ran(True)
    assert drawn == [3, 3]  # of each cell what it shows
    _, plain_measures, plain, _ = ran(False)
    running = [decoded(c["picture"]).size for step in steps for c in step.get("cells", ()) if c["state"] == "running"]
    assert set(running) == {PLAIN}
    assert [(cell.size, half.size) for cell, half in zip(cells, plain, strict=True)] == 2 * [(DRAWN, PLAIN)]
    assert all(halves(cell, half) for cell, half in zip(cells, plain, strict=True))
    assert measures == plain_measures
    assert sheet.width == 2 * 256
