import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dpi_core.method.config import DPIConfig
from dpi_core.restore.request import Request
from dpi_core.web import live
from dpi_core.web.axes import plan_grid
from dpi_core.web.explore_data import MEASURES, Tile, axes_data, best_places, cell_data, colour, luminance, maps_data
from dpi_core.web.explore_files import contact_sheet, figures_of
from dpi_core.web.live import EXACT
from dpi_core.web.stage_data import decoded

MEASURE = {measure.key: measure for measure in MEASURES}


def picture(seed):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8))


@pytest.fixture
def grid():
    return plan_grid(Request(), "tau", "0, 350", "sparsity", "1, 2")


@pytest.fixture
def tiles(grid):
    figures = [{"lr_consistency": 30.0 + i, "psnr": 25.0 - i, "ssim": 0.5, "diversity": 3.0} for i in range(4)]
    cells = [grid.cells[run.place] for run in grid.plan.runs]
    return [Tile(cell, picture(i), f, 20) for i, (cell, f) in enumerate(zip(cells, figures, strict=True))]


def test_every_cell_is_named_and_carries_its_settings(grid, tiles):
    assert axes_data(grid) == {
        "x": {"name": "tau", "values": ["tau 0", "tau 350"]},
        "y": {"name": "k", "values": ["k 1", "k 2"]},
    }
    tile = next(tile for tile in tiles if tile.place == (0, 0))
    data = cell_data(grid, tile.cell, tile)
    assert DPIConfig.from_dict(data["config"]) == DPIConfig(tau=0, sparsity=1)
    assert (data["name"], data["state"]) == ("tau 0, k 1", "done")
    assert data["text"] == "PSNR 24.00 dB, SSIM 0.500, LR-consistency 31.0 dB, Diversity 3.0 levels"
    assert decoded(data["picture"]).tobytes() == tile.picture.tobytes(), "a result is shown as it is"
    assert cell_data(grid, tile.cell) | {"config": None} == {
        "name": "tau 0, k 1",
        "config": None,
        "state": "waiting",
        "picture": "",
        "text": "waiting",
    }


def test_a_cell_that_was_stopped_says_so_and_is_in_no_map(grid, tiles):
    stopped = Tile(tiles[0].cell, picture(5), {**tiles[0].figures, "psnr": 99.0}, steps=3, complete=False)
    data = cell_data(grid, stopped.cell, stopped)
    assert data["state"] == "stopped"
    assert data["text"].startswith("stopped after step 3 of 20, PSNR 99.00 dB")
    assert best_places([stopped, *tiles[1:]], MEASURE["psnr"]) == [tiles[1].place]
    assert maps_data(grid, [stopped]) == []
    figures = figures_of(grid, [stopped], {})
    assert (figures["cells"][0]["steps_done"], figures["best"]["psnr"]) == (3, [])


def test_the_best_cells_are_those_with_the_highest_figure(grid, tiles):
    assert best_places(tiles, MEASURE["lr_consistency"]) == [tiles[3].place]
    assert best_places(tiles, MEASURE["psnr"]) == [tiles[0].place]
    assert len(best_places(tiles, MEASURE["ssim"])) == 4
    maps = {data["key"]: data for data in maps_data(grid, tiles)}
    assert [bool(cell["best"]) for cell in maps["psnr"]["cells"]].count(True) == 1
    assert not any(cell["best"] for cell in maps["ssim"]["cells"]), "all are equal, so none is better"


def test_a_map_holds_every_number_in_readable_ink(grid, tiles):
    maps = maps_data(grid, tiles[:3])
    assert [data["key"] for data in maps] == ["psnr", "lr_consistency", "ssim", "diversity"], (
        "the truth first, the equal last"
    )
    assert maps[0]["range"] == "PSNR: 23.00 dB to 25.00 dB"
    for data in maps:
        assert len(data["cells"]) == 4
        assert data["cells"].count(None) == 1
        for cell in filter(None, data["cells"]):
            pair = luminance(rgb(cell["background"])), luminance(rgb(cell["ink"]))
            assert (max(pair) + 0.05) / (min(pair) + 0.05) >= 4.5
    assert maps_data(grid, []) == []


def rgb(code):
    digits = code[1:] if len(code) == 7 else "".join(2 * c for c in code[1:])
    return bytes.fromhex(digits)


def test_the_first_map_is_one_in_which_the_cells_differ(grid):
    exact = [
        Tile(cell, picture(i), {"lr_consistency": 99.0, "diversity": float(i)}, 4) for i, cell in enumerate(grid.cells)
    ]
    first, last = maps_data(grid, exact)
    assert (first["key"], last["key"]) == ("diversity", "lr_consistency")
    assert "exact in every cell, since all are held to the input" in last["range"]


def test_the_scale_gets_lighter_all_the_way():
    lights = [luminance(rgb(colour(i / 50)[0])) for i in range(51)]
    assert lights == sorted(lights)
    assert colour(-1) == colour(0)
    assert colour(2) == colour(1)


def test_luminance_is_that_of_the_standard():
    assert luminance((255, 255, 255)) == pytest.approx(1)
    assert luminance((0, 0, 0)) == 0
    assert luminance((255, 0, 0)) == pytest.approx(0.2126)
    assert luminance((119, 119, 119)) == pytest.approx(0.1845, abs=1e-4)


def test_the_sheet_and_the_figures_keep_every_cell_in_its_place(grid, tiles):
    sheet = contact_sheet(grid, tiles[:3])
    assert sheet.size == (32, 2 * (16 + 16))
    row, column = tiles[0].place
    corner = (16 * column, 32 * row, 16 * column + 16, 32 * row + 16)
    assert sheet.crop(corner).tobytes() == tiles[0].picture.tobytes()
    figures = figures_of(grid, tiles[:3], {"face": 0})
    assert figures["x"] == {"setting": "tau", "values": [0, 350]}
    assert [(cell["row"], cell["column"]) for cell in figures["cells"]] == sorted(tile.place for tile in tiles[:3])
    assert figures["best"]["psnr"] == [grid.label(tiles[0].cell)]
    assert json.loads(json.dumps(figures)) == figures
    assert Request.from_dict(figures) == grid.request


def test_what_agrees_exactly_is_told_so_and_none_of_it_is_better(grid, tiles):
    exact = [replace(tile, figures={"lr_consistency": 70.0 + i}) for i, tile in enumerate(tiles)]
    assert cell_data(grid, exact[0].cell, exact[0])["text"] == "LR-consistency exact"
    (data,) = maps_data(grid, exact)
    assert {(cell["text"], cell["best"]) for cell in data["cells"]} == {("exact", False)}
    assert len(figures_of(grid, exact, {})["best"]["lr_consistency"]) == 4, "the file says what the page says"
    one = [exact[0], *(replace(tile, figures={"lr_consistency": 30.0}) for tile in tiles[1:])]
    (data,) = maps_data(grid, one)
    assert sorted(cell["text"] for cell in data["cells"] if not cell["best"]) == 3 * ["30.0"]
    assert data["range"] == "LR-consistency: 30.0 dB to exact"


def test_the_stage_takes_the_same_for_exact():
    assert f"const EXACT = {EXACT:g};" in (Path(live.__file__).parent / "components" / "stage.js").read_text("utf-8")
