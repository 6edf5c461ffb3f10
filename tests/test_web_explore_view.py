import html
import json
import re

import numpy as np
import pytest
from PIL import Image

from dpi_core.method.config import DPIConfig
from dpi_core.web.axes import plan_grid
from dpi_core.web.explore_files import contact_sheet, figures_of
from dpi_core.web.explore_view import Tile, best_places, colour, luminance, render_grid, render_maps


def picture(seed):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8))


@pytest.fixture
def grid():
    return plan_grid("tau", "0, 350", "sparsity", "1, 2", {})


@pytest.fixture
def tiles(grid):
    figures = [{"lr_consistency": 30.0 + i, "psnr": 25.0 - i, "ssim": 0.5, "diversity": 3.0} for i in range(4)]
    cells = [grid.cells[run.place] for run in grid.plan.runs]
    return [Tile(cell, picture(i), f) for i, (cell, f) in enumerate(zip(cells, figures, strict=True))]


def test_every_cell_is_named_and_carries_its_settings(grid, tiles):
    text = render_grid(grid, tiles[:3], [("the input", picture(9))])
    assert text.count("waiting") == 1
    assert all('alt="' in image for image in re.findall(r"<img[^>]*>", text))
    inputs = re.findall(r'<input[^>]*value="([^"]*)"[^>]*aria-label="([^"]*)"', text)
    assert len(inputs) == 3
    value, name = inputs[0]
    assert DPIConfig.from_dict(json.loads(html.unescape(value))) == DPIConfig(tau=0, sparsity=1)
    assert name.startswith("tau 0, k 1: LR-consistency 31.0 dB, PSNR 24.00 dB, SSIM 0.500, Diversity 3.0 levels")
    assert "image/jpeg" in text
    assert "data-role" not in text.split("<table")[0], "the measure can be chosen when all cells are there"


def test_a_finished_grid_is_lossless_and_lets_the_measure_be_chosen(grid, tiles):
    text = render_grid(grid, tiles[:3], finished=True)
    assert "image/jpeg" not in text
    assert "not run" in text
    assert '<option value="psnr" selected>' in text
    assert 'data-measure="lr_consistency"' in render_grid(grid, [])


def test_the_best_cells_are_those_with_the_highest_figure(grid, tiles):
    assert best_places(tiles, "lr_consistency") == [tiles[3].place]
    assert best_places(tiles, "psnr") == [tiles[0].place]
    assert len(best_places(tiles, "ssim")) == 4
    text = render_grid(grid, tiles)
    assert text.count('<b class="dpi-best" data-best="psnr">best PSNR</b>') == 1


def test_a_map_holds_every_number_in_readable_ink(grid, tiles):
    text = render_maps(grid, tiles[:3])
    assert text.count("<caption>") == 4
    assert "<caption>PSNR: 23.00 dB to 25.00 dB</caption>" in text
    assert text.count('aria-label="not run"') == 4
    for background, ink in re.findall(r"background:(#\w+);color:(#\w+)", text):
        light, dark = sorted((luminance(rgb(background)), luminance(rgb(ink))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5
    assert render_maps(grid, []) == ""


def rgb(code):
    digits = code[1:] if len(code) == 7 else "".join(2 * c for c in code[1:])
    return bytes.fromhex(digits)


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
    figures = figures_of(grid, tiles[:3], {"seeds": [0]})
    assert figures["x"] == {"setting": "tau", "values": [0, 350]}
    assert [(cell["row"], cell["column"]) for cell in figures["cells"]] == sorted(tile.place for tile in tiles[:3])
    assert figures["best"]["psnr"] == [grid.label(tiles[0].cell)]
    assert json.loads(json.dumps(figures)) == figures
