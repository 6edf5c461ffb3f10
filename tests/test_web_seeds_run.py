import re
import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core import DPIConfig
from dpi_core.__main__ import main
from dpi_core.models.presets import PRESETS
from dpi_core.restore.request import Branch, Request, read_request
from dpi_core.web.compare_tab import chosen, compared, on_load_seeds, on_redraw
from dpi_core.web.engine import Engine
from dpi_core.web.events import on_load_settings
from dpi_core.web.live import ViewOutcome
from dpi_core.web.restore_run import run
from dpi_core.web.seeds_data import kept_steps
from dpi_core.web.seeds_run import compare_plan, parse_seeds, redrawn, run_comparison
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making, decoded

FAST = {"steps": 4, "tau": 400}
TINY = EXAMPLES / "astronaut-tiny.png"


def comparing(photo=TINY, seeds="0-2", values=FAST, scale=4, **asked):
    asked |= {"config": values, "seeds": parse_seeds(seeds), "scale": scale, "aligned": True}
    return Making(str(photo) if photo else None, Request().replaced(asked))


def drain(engine, session, pick=2, branch=0, **options):
    return list(run_comparison(engine, session, comparing(**options), pick, branch))


def restoration(engine, session):
    """Restore the face that the comparisons here are of, and return its picture."""
    made = Making(str(TINY), Request(DPIConfig.from_dict(FAST), seeds=(7,), scale=4, aligned=True))
    outcome = list(run(engine, session, made))[-1]
    return decoded(outcome.stage["pieces"][0]["pictures"]["result"])


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0-3", (0, 1, 2, 3)),
        ("3, 14 15", (3, 14, 15)),
        (" 7..9;2 ", (7, 8, 9, 2)),
        ("0, 9223372036854775807", (0, 2**63 - 1)),
    ],
)
def test_seeds_are_numbers_and_ranges(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "seeds holds ''"),
        ("1, two", "seeds holds 'two'"),
        ("-1, 2", "seeds holds '-1'"),
        ("5-3", "seeds holds '5-3'"),
        ("0-999999", "seeds holds '0-999999'"),
        ("4", "1 seeds are given; allowed are 2 to 16"),
        ("0-16", "17 seeds are given"),
        ("1, 2, 1", "each seed is allowed once"),
        ("0, 9223372036854775808", "seed is 9223372036854775808"),
    ],
)
def test_wrong_seeds_are_named(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_seeds(text)


def test_redrawing_keeps_what_is_kept_and_changes_the_rest():
    for _ in range(20):
        seeds = parse_seeds(redrawn("0-5", ["1", "4"]))
        assert (seeds[1], seeds[4]) == (1, 4)
        assert len(set(seeds)) == 6
        assert not {0, 2, 3, 5} & {seeds[0], seeds[2], seeds[3], seeds[5]}


def test_a_comparison_streams_faces_and_ends_in_a_bundle(engine):
    session = Session()
    items = drain(engine, session)
    outcome = items[-1]
    assert isinstance(outcome, ViewOutcome)
    running = [item for item in items[:-1] if item["state"] == "running"]
    assert [item["now"]["index"] for item in running] == [0, 1, 2, 3]
    assert all(len(item["now"]["pictures"]) == 3 for item in running)
    assert [len(item["spreads"]) for item in running] == [1, 2, 3, 4]
    view = outcome.view
    assert view["seeds"] == ["0", "1", "2"]
    assert {"input", "truth"} <= set(view)
    assert [row["index"] for row in view["rows"]] == sorted(kept_steps(4))
    with zipfile.ZipFile(outcome.files[0]) as archive:
        for result in view["results"]:
            saved = Image.open(BytesIO(archive.read(f"seed{result['seed']}.png")))
            assert saved.tobytes() == decoded(result["picture"]).tobytes()
    request = read_request(outcome.files[0])
    assert (request.seeds, request.scale, request.config.tau) == ((0, 1, 2), 4, 400)
    restored = session.results_folder("restore")
    drain(engine, session)
    assert restored.exists(), "a comparison leaves the files of the other view alone"
    session.clean()
    assert not restored.exists()


def test_the_pair_furthest_apart_comes_first_and_is_told(engine):
    session = Session()
    view = drain(engine, session, seeds="0-3")[-1].view
    faces = [np.asarray(decoded(result["picture"]), float) for result in view["results"]]
    apart = {(i, j): np.sqrt(np.square(faces[i] - faces[j]).mean()) for i in range(4) for j in range(i)}
    i, j = max(apart, key=apart.get)
    assert sorted(view["pair"]) == sorted((i, j))
    assert f"{apart[i, j]:.1f}" in view["note"]
    distances = [np.square(face - np.mean(faces, axis=0)).mean() for face in faces]
    nearest = view["results"][int(np.argmin(distances))]
    assert [result["seed"] for result in view["results"] if result["typical"]] == [nearest["seed"]]
    assert f"Most typical: seed {nearest['seed']}" in view["note"]
    session.clean()


def test_seeds_that_nobody_can_tell_apart_have_no_badge(engine):
    session = Session()
    restoration(engine, session)
    view = drain(engine, session, seeds="7, 8", branch=3)[-1].view  # they part at the last step, which draws nothing
    assert view["agree"]
    assert not any(result["picked"] or result["typical"] for result in view["results"])
    assert view["note"].startswith("These seeds agree")
    apart = drain(engine, session, seeds="0-1", values={"steps": 4, "tau": 1000, "eta": 1.0})[-1].view
    assert not apart["agree"]
    assert [result["picked"] for result in apart["results"]] == [True, True]
    session.clean()


@pytest.mark.parametrize("total", [1, 2, 5, 20, 250])
def test_the_steps_in_sight_end_with_the_last(total):
    kept = kept_steps(total)
    assert total - 1 in kept
    assert 1 <= len(kept) <= 8
    assert kept <= set(range(total))


def test_stop_keeps_the_estimates(engine):
    session, seen = Session(), []
    for item in run_comparison(engine, session, comparing(seeds="0-1", values={"steps": 50}), 0):
        seen.append(item)
        session.stopped |= not isinstance(item, ViewOutcome) and "Step 3 of 50" in item["line"]
    assert seen[-1].view["state"] == "stopped"
    assert "Stopped after step 3 of 50" in seen[-1].view["line"]
    assert len(seen[-1].view["results"]) == 2
    session.clean()


def test_wrong_input_ends_in_one_message(engine, bad_files):
    assert "Choose a photo first" in drain(engine, Session(), photo=None)[-1]["line"]
    for path in bad_files.values():
        last = drain(engine, Session(), photo=path)[-1]
        assert last["state"] == "failed"
        assert path.name in last["line"]


def test_the_plan_tells_the_cost_once_there_was_a_run():
    engine = Engine()
    request = Request(seeds=(0, 1, 2, 3))
    assert "4 seeds of 20 steps" in compare_plan(engine, request)
    assert "About" not in compare_plan(engine, request)
    engine.note_pace(10.0, 100)
    assert "About 8 s" in compare_plan(engine, request)


def test_seeds_branch_off_the_last_restoration(engine):
    session = Session()
    restored = restoration(engine, session)
    outcome = drain(engine, session, seeds="7, 8", branch=2)[-1]
    assert "parted after step 2 of 4" in outcome.view["note"]
    with zipfile.ZipFile(outcome.files[0]) as archive:
        own = Image.open(BytesIO(archive.read("seed7.png")))
        other = Image.open(BytesIO(archive.read("seed8.png")))
    same = np.abs(np.asarray(own, int) - np.asarray(restored, int))
    assert same.max() <= 1  # a batch of two may round otherwise than a single run
    assert np.abs(np.asarray(other, int) - np.asarray(own, int)).max() > 1
    session.clean()


def test_seeds_that_parted_after_a_step_are_made_again_from_their_zip(engine, analytic_models, tmp_path):
    session = Session()
    restoration(engine, session)
    made = drain(engine, session, seeds="3, 8", branch=2)[-1].files[0]
    path = Path(shutil.copy(made, tmp_path / "made.zip"))
    session.clean()
    recipe = read_request(path)
    assert recipe.branch == Branch(2, 7)
    assert on_load_seeds(str(path)) == ("3, 8", 2, "page")
    assert on_load_settings(str(path))[0]["seed"] == 7  # the seed to restore first
    assert main(["compare", str(TINY), "-o", str(tmp_path / "out"), "--settings", str(path), "--device", "cpu"]) == 0
    (again,) = (tmp_path / "out").iterdir()
    for seed in (3, 8):
        first, second = (Image.open(BytesIO(zipfile.ZipFile(z).read(f"seed{seed}.png"))) for z in (path, again))
        assert first.tobytes() == second.tobytes()
    alone = engine.restorer().restore(str(TINY), recipe.config, seeds=(8,), scale=4, aligned=True)
    assert alone.results[0].image.tobytes() != second.tobytes()
    assert read_request(again).branch == Branch(2, 7)


def test_a_branch_without_its_run_is_named(engine):
    session = Session()
    assert "Restore the face first" in drain(engine, session, branch=2)[-1]["line"]
    restoration(engine, session)
    assert "branch is 4" in drain(engine, session, branch=4)[-1]["line"]  # the last step leaves nothing to part
    assert "branch is 1" in drain(engine, session, branch=1, values={"steps": 5, "tau": 400})[-1]["line"]
    assert "branch is 1" in drain(engine, session, branch=1, scale=8)[-1]["line"]
    session.clean()


def test_a_comparison_of_another_method_is_that_methods(engine, analytic_restorer):
    session = Session()
    view = drain(engine, session, seeds="3, 8", method="ddnm")[-1].view
    alone = analytic_restorer.restore(
        TINY, DPIConfig.from_dict(FAST), seeds=(3, 8), scale=4, aligned=True, method="ddnm"
    )
    for result, one in zip(view["results"], alone.results, strict=True):
        assert decoded(result["picture"]).tobytes() == one.image.tobytes()
    restoration(engine, session)
    assert "method is 'ddnm'" in drain(engine, session, seeds="3, 8", method="ddnm", branch=2)[-1]["line"]
    session.clean()


def test_what_is_compared_is_the_pages_request_with_other_seeds():
    request = Request(DPIConfig(tau=70), (5,), 8, face="all", method="ddnm")
    asked = compared(request, "0-1", "page")
    assert asked == Request(DPIConfig(tau=70), (0, 1), 8, method="ddnm")
    assert compared(request, "0-1", "variety").config == PRESETS["heavy"].config


def test_new_seeds_leave_alone_what_are_no_seeds():
    assert on_redraw("one", []) == "one"
    drawn = parse_seeds(on_redraw("0-3", ["2"]))
    assert drawn[2] == 2
    assert not {0, 1, 3} & set(drawn)


def test_a_chosen_face_makes_seed_and_settings_the_pages():
    found, line = chosen("7", {"tau": 70})
    assert (found["seed"], found["tau"]) == (7, 70)
    assert "seed is 7 now" in line
    assert "more digits" in chosen(str(2**40), {})[1]
    assert chosen("x", {})[0] == chosen("1", {"tau": -1})[0] == {}
