import json
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core.imaging.pictures import read_settings
from dpi_core.method.config import DPIConfig
from dpi_core.restore.request import Request, read_request
from dpi_core.web.axes import plan_grid
from dpi_core.web.controls import build_controls
from dpi_core.web.engine import Engine
from dpi_core.web.explore_run import explore_plan, run_exploration
from dpi_core.web.explore_tab import asked_grid, used
from dpi_core.web.live import ViewOutcome
from dpi_core.web.session import Session
from dpi_core.web.stage_data import decoded

FAST = {"steps": 4, "tau": 400, "eta": 1.0}
TINY = EXAMPLES / "astronaut-tiny.png"


def grid_of(*axes, values=FAST, seeds=(0,), **asked):
    request = Request().replaced({"config": values, "seeds": seeds, "scale": 4, "aligned": True, **asked})
    return plan_grid(request, *axes)


def drain(engine, session, grid, photo=TINY):
    return list(run_exploration(engine, session, str(photo) if photo else None, grid))


def test_a_grid_streams_and_ends_in_its_files(engine):
    session = Session()
    grid = grid_of("tau", "0, 400, 700", "sparsity", "1, 2", seeds=(7, 8))
    items = drain(engine, session, grid)
    running = [item for item in items[:-1] if item["state"] == "running"]
    assert [item["progress"] for item in running] == [[i + 1, 18] for i in range(18)]
    assert grid.plan.saved == 2 * (1 + 2)
    assert "Cell 1 of 6 (tau 700, k 1), step 1 of 4" in running[0]["line"]
    states = [[cell["state"] for cell in item["cells"]] for item in running]
    assert [row.count("done") for row in states] == sorted(row.count("done") for row in states)
    assert all(row.count("running") == 1 for row in states), "the estimate is shown in its place"
    outcome = items[-1]
    assert isinstance(outcome, ViewOutcome)
    view = outcome.view
    assert view["state"] == "done"
    assert "18 steps were run, 6 saved" in view["line"]
    assert "means over 2 seeds" in view["line"]
    assert [data["name"] for data in view["measures"]] == ["PSNR", "SSIM", "LR-consistency", "Diversity"]
    assert {"input", "truth"} <= set(view)
    sheet, table = outcome.files
    figures = json.loads(Path(table).read_text())
    assert read_settings(sheet) == figures
    assert Image.open(sheet).size[0] == 3 * 128
    assert figures["seeds"] == [7, 8]
    assert (figures["scale"], figures["aligned"], figures["complete"]) == (4, True, True)
    assert len(figures["cells"]) == 6
    assert all(cell["diversity"] > 0 for cell in figures["cells"])
    assert DPIConfig.from_dict(figures["cells"][1]["config"]) == DPIConfig.from_dict({**FAST, "sparsity": 1})
    assert read_request(table).config == DPIConfig.from_dict(FAST), "the page takes its settings back"
    session.clean()


def test_what_the_runs_have_to_say_is_told_once(engine, monkeypatch):
    monkeypatch.setattr("dpi_core.restore.restorer.notes", lambda *_: ["The batch was cut."])
    session = Session()
    last = drain(engine, session, grid_of("tau", "0, 700", "sparsity", "2", values={**FAST, "steps": 2}))[-1]
    assert last.view["line"].count("The batch was cut.") == 1
    session.clean()


def test_sharing_steps_changes_no_picture(engine, analytic_restorer):
    session = Session()
    grid = grid_of("tau", "700, 0, 300", "omega", "500, 1500", seeds=(3,))
    assert grid.plan.saved > 0
    outcome = drain(engine, session, grid)[-1]
    cells = json.loads(Path(outcome.files[1]).read_text())["cells"]
    assert len(cells) == 6
    sheet = np.asarray(Image.open(outcome.files[0]))
    for cell, shown in zip(cells, outcome.view["cells"], strict=True):
        alone = analytic_restorer.restore(TINY, DPIConfig.from_dict(cell["config"]), seeds=(3,), scale=4, aligned=True)
        top, left = cell["row"] * (128 + 19), cell["column"] * 128
        assert np.array_equal(sheet[top : top + 128, left : left + 128], np.asarray(alone.results[0].image))
        assert decoded(shown["picture"]).tobytes() == alone.results[0].image.tobytes()
        assert cell["psnr"] == alone.results[0].measured["psnr"]
    session.clean()


def test_a_photo_as_it_is_has_no_truth_to_compare_with(engine, astronaut):
    session = Session()
    last = drain(engine, session, grid_of("eta", "0", "steps", "2", scale=None, aligned=False), astronaut)[-1]
    assert [data["key"] for data in last.view["measures"]] == ["lr_consistency"]
    assert "truth" not in last.view
    assert json.loads(Path(last.files[1]).read_text())["face"] == 0
    session.clean()


def test_stop_ends_within_one_step_and_keeps_all_that_was_reached(engine):
    session, items = Session(), []
    grid = grid_of("eta", "0, 1", "steps", "2, 50", values={})
    for item in run_exploration(engine, session, str(TINY), grid):
        items.append(item)
        line = item["line"] if isinstance(item, dict) else ""
        session.stopped = "Cell 3 of 4 (eta 0, steps 50), step 2 of 50" in line
    assert sum("Cell 3" in item["line"] for item in items[:-1]) == 2
    view = items[-1].view
    assert "Stopped after 2 of 4 cells, the estimate of the next one kept," in view["line"]
    assert [cell["state"] for cell in view["cells"]] == ["done", "done", "stopped", "not run"]
    figures = json.loads(Path(items[-1].files[1]).read_text())
    assert not figures["complete"]
    assert [cell["steps_done"] for cell in figures["cells"]] == [2, 2, 2]
    session.clean()


def test_stopped_in_its_first_cell_it_keeps_the_estimate_and_its_settings(engine):
    session = Session()
    grid = grid_of("eta", "0, 1", "tau", "0", values={"steps": 50}, seeds=(3,))
    for item in run_exploration(engine, session, str(TINY), grid):
        session.stopped = isinstance(item, dict) and "step 2 of 50" in item["line"]
    assert [cell["state"] for cell in item.view["cells"]] == ["stopped", "not run"]
    assert item.view["state"] == "stopped"
    assert decoded(item.view["cells"][0]["picture"]).size == (128, 128)
    assert "stopped after step 2 of 50" in item.view["cells"][0]["text"]
    figures = json.loads(Path(item.files[1]).read_text())
    assert DPIConfig.from_dict(figures["cells"][0]["config"]) == grid.cells[0].config
    assert (read_request(item.files[0]).seeds, read_request(item.files[0]).config.steps) == ((3,), 50)
    session.clean()


def test_wrong_input_ends_in_one_message(engine, bad_files):
    (last,) = drain(engine, Session(), grid_of("tau", "0", "eta", "0"), photo=None)
    assert (last["state"], "Choose a photo first" in last["line"]) == ("failed", True)
    for path in bad_files.values():
        last = drain(engine, Session(), grid_of("tau", "0", "eta", "0"), path)[-1]
        assert last["state"] == "failed"
        assert path.name in last["line"]


@pytest.mark.parametrize(
    ("axes", "page", "message"),
    [
        ({"x_values": "0, x"}, {}, "tau holds 'x'"),
        ({"y": "tau"}, {}, "both settings are tau"),
        ({}, {"seed": None}, "seed is None"),
        ({"count": 5}, {}, "seeds per cell is 5"),
        ({"count": None}, {}, "seeds per cell is None"),
        ({}, {"omega": 0}, "omega is 0"),
    ],
)
def test_a_wrong_grid_is_named(engine, named, axes, page, message):
    asked = {"x": "tau", "x_values": "0", "y": "eta", "y_values": "0", "count": 1}
    assert len(asked_grid(engine, named, asked).cells) == 1
    with pytest.raises(ValueError, match=message):
        asked_grid(engine, {**named, **page}, {**asked, **axes})


@pytest.fixture
def named():
    import gradio as gr

    with gr.Blocks():
        return build_controls().named()


def test_a_grid_takes_its_seeds_from_the_page(engine, named):
    asked = {"x": "tau", "x_values": "0, 50", "y": "eta", "y_values": "0", "count": 3}
    grid = asked_grid(engine, {**named, "seed": 7, "mode": "Simulate x8"}, asked)
    assert (grid.request.seeds, grid.request.scale) == ((7, 8, 9), 8)


def test_the_plan_tells_cells_steps_savings_and_time():
    engine = Engine()
    grid = grid_of("tau", "0, 50, 150, 350", "sparsity", "1, 2", values={"steps": 20})
    plan = explore_plan(engine, grid)
    assert "8 cells (4 by 2), 1 seed each: 68 steps to run instead of 160: cells share" in plan
    assert "About" not in plan
    engine.note_pace(10.0, 100)
    assert "About 7 s" in explore_plan(engine, grid)
    plan = explore_plan(engine, grid_of("eta", "0", "sparsity", "2", seeds=(0, 1, 2)))
    assert "1 cell (1 by 1), 3 seeds each: 4 steps to run." in plan


def test_a_cells_settings_become_the_pages():
    found, line = used({"tau": 70, "sparsity": 1})
    assert DPIConfig.from_dict(found) == DPIConfig(tau=70, sparsity=1)
    assert "now tau 70, k 1" in line
    assert used({"tau": -1})[0] == used("x")[0] == {}
