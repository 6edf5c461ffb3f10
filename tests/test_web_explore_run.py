import json
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core.imaging.pictures import read_settings
from dpi_core.method.config import DPIConfig
from dpi_core.web.engine import Engine, EngineSettings
from dpi_core.web.explore_run import Exploring, explore_plan, run_exploration
from dpi_core.web.session import Session

FAST = {"steps": 4, "tau": 400, "eta": 1.0}
TINY = EXAMPLES / "astronaut-tiny.png"


@pytest.fixture(scope="module")
def engine():
    return Engine(EngineSettings(device="cpu"))


def drain(engine, session, request, photo=TINY, mode="Simulate x4", aligned=True):
    return list(run_exploration(engine, session, str(photo) if photo else None, mode, aligned, request))


def test_a_grid_streams_and_ends_in_its_files(engine):
    session = Session()
    request = Exploring("tau", "0, 400, 700", "sparsity", "1, 2", FAST, seed=7, count=2)
    updates = drain(engine, session, request)
    grids = [update.grid for update in updates if update.grid]
    assert [text.count('type="radio"') for text in grids] == [0, 1, 2, 3, 4, 5, 6, 6]
    steps = [update.progress for update in updates if update.progress and "<progress" in update.progress]
    assert len(steps) == request.grid().plan.steps == 4 * 6 - request.grid().plan.saved
    assert request.grid().plan.saved == 2 * (1 + 2)
    assert "Cell 1 of 6 (tau 700, k 1), step 1 of 4" in steps[0]
    last = updates[-1]
    assert "18 steps were run, 6 saved" in last.progress
    assert "means over 2 seeds" in last.progress
    for name in ("LR-consistency", "Diversity", "PSNR", "SSIM"):
        assert f'aria-label="{name} of every cell"' in last.maps
    sheet, table = last.files
    figures = json.loads(Path(table).read_text())
    assert read_settings(sheet) == figures
    assert Image.open(sheet).size[0] == 3 * 128
    assert figures["seeds"] == [7, 8]
    assert (figures["scale"], figures["aligned"], figures["complete"]) == (4, True, True)
    assert len(figures["cells"]) == 6
    assert all(cell["diversity"] > 0 for cell in figures["cells"])
    assert DPIConfig.from_dict(figures["cells"][1]["config"]) == DPIConfig.from_dict({**FAST, "sparsity": 1})
    session.clean()


def test_what_the_runs_have_to_say_is_told_once(engine, monkeypatch):
    monkeypatch.setattr("dpi_core.restore.restorer.notes", lambda *_: ["The batch was cut."])
    session = Session()
    last = drain(engine, session, Exploring("tau", "0, 700", "sparsity", "2", {**FAST, "steps": 2}))[-1]
    assert last.progress.count("The batch was cut.") == 1
    session.clean()


def test_sharing_steps_changes_no_picture(engine, restorer):
    session = Session()
    request = Exploring("tau", "700, 0, 300", "omega", "500, 1500", FAST, seed=3)
    assert request.grid().plan.saved > 0
    sheet, table = drain(engine, session, request)[-1].files
    shown = np.asarray(Image.open(sheet))
    cells = json.loads(Path(table).read_text())["cells"]
    assert len(cells) == 6
    for cell in cells:
        alone = restorer.restore(TINY, DPIConfig.from_dict(cell["config"]), seeds=(3,), scale=4, aligned=True)
        top, left = cell["row"] * (128 + 19), cell["column"] * 128
        assert np.array_equal(shown[top : top + 128, left : left + 128], np.asarray(alone.results[0].image))
        assert cell["psnr"] == alone.results[0].measured["psnr"]
    session.clean()


def test_a_photo_as_it_is_has_no_truth_to_compare_with(engine, astronaut):
    session = Session()
    request = Exploring("eta", "0", "steps", "2", {})
    last = drain(engine, session, request, astronaut, "The photo as it is", aligned=False)[-1]
    assert "PSNR" not in last.grid
    assert "the truth" not in last.grid
    assert "LR-consistency" in last.maps
    assert json.loads(Path(last.files[1]).read_text())["face"] == 0
    session.clean()


def test_stop_ends_within_one_step_and_keeps_the_finished_cells(engine):
    session, updates = Session(), []
    request = Exploring("eta", "0, 1", "steps", "2, 50", {})
    for update in run_exploration(engine, session, str(TINY), "Simulate x4", True, request):
        updates.append(update)
        session.stopped = bool(update.progress and "Cell 3 of 4 (eta 0, steps 50), step 2 of 50" in update.progress)
    assert sum(bool(update.progress and "Cell 3" in update.progress) for update in updates) == 2
    assert "Stopped after 2 of 4 cells" in updates[-1].progress
    assert updates[-1].grid.count("not run") == 2
    figures = json.loads(Path(updates[-1].files[1]).read_text())
    assert not figures["complete"]
    assert len(figures["cells"]) == 2
    session.clean()


def test_stop_before_the_first_cell_leaves_no_files(engine):
    session, updates = Session(), []
    for update in run_exploration(
        engine, session, str(TINY), "Simulate x4", True, Exploring("eta", "0", "tau", "0", {})
    ):
        updates.append(update)
        session.stopped = True
    assert "Stopped after 0 of 1 cells" in updates[-1].progress
    assert updates[-1].files is None
    session.clean()


def test_wrong_input_ends_in_one_message(engine, bad_files):
    good = Exploring("tau", "0", "eta", "0", FAST)
    for updates, message in (
        (drain(engine, Session(), Exploring("tau", "0, x", "eta", "0", FAST)), "tau holds &#x27;x&#x27;"),
        (drain(engine, Session(), Exploring("tau", "0", "tau", "0", FAST)), "both settings are tau"),
        (drain(engine, Session(), Exploring("tau", "0", "eta", "0", FAST, seed=None)), "seed is None"),
        (drain(engine, Session(), Exploring("tau", "0", "eta", "0", FAST, count=5)), "seeds per cell is 5"),
        (drain(engine, Session(), Exploring("tau", "0", "eta", "0", {"omega": 0})), "omega is 0"),
        (drain(engine, Session(), good, photo=None), "Choose a photo first"),
    ):
        assert len(updates) == 1
        assert message in updates[0].progress
        assert 'role="alert"' in updates[0].progress
    for path in bad_files.values():
        assert path.name in drain(engine, Session(), good, photo=path)[-1].progress


def test_the_plan_tells_cells_steps_savings_and_time():
    engine = Engine()
    request = Exploring("tau", "0, 50, 150, 350", "sparsity", "1, 2", {"steps": 20})
    plan = explore_plan(engine, request)
    assert "8 cells (4 by 2), 1 seed each: 68 steps to run instead of 160. 92 are saved" in plan
    assert "About" not in plan
    engine.note_pace(10.0, 100)
    assert "About 7 s" in explore_plan(engine, request)
    assert "4 steps to run." in explore_plan(engine, Exploring("eta", "0", "sparsity", "2", FAST, count=3))
    assert "1 cell (1 by 1), 3 seeds each" in explore_plan(
        engine, Exploring("eta", "0", "sparsity", "2", FAST, count=3)
    )
    assert "k has no values" in explore_plan(engine, Exploring("eta", "0", "sparsity", "", FAST))
