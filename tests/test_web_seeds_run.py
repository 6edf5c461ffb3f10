import re
import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import EXAMPLES
from PIL import Image

from dpi_core.__main__ import main
from dpi_core.measure.comparison import compare
from dpi_core.restore.request import Branch, read_request
from dpi_core.web.compare_tab import on_load_seeds
from dpi_core.web.engine import Engine, EngineSettings
from dpi_core.web.events import on_load_settings
from dpi_core.web.restore_run import run
from dpi_core.web.seeds_run import ComparisonOutcome, compare_plan, parse_seeds, redrawn, run_comparison
from dpi_core.web.seeds_view import Card, render_cards, render_comparison
from dpi_core.web.session import Session

FAST = {"steps": 4, "tau": 400}
TINY = EXAMPLES / "astronaut-tiny.png"


@pytest.fixture(scope="module")
def engine():
    return Engine(EngineSettings(device="cpu"))


def drain(engine, session, photo=TINY, seeds="0-2", pick=2, values=FAST, mode="Simulate x4", branch=0):
    return list(run_comparison(engine, session, str(photo) if photo else None, mode, True, seeds, pick, branch, values))


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


def test_a_comparison_streams_cards_and_ends_in_a_bundle(engine):
    session = Session()
    items = drain(engine, session)
    outcome = items[-1]
    assert isinstance(outcome, ComparisonOutcome)
    streamed = [item for item in items if isinstance(item, str)]
    assert sum('data-seed="2"' in item for item in streamed) == 4
    assert outcome.html.count("<figure class=") == 4  # three cards and the heat map
    assert outcome.html.count("most different") >= 2
    assert "Diversity" in outcome.summary
    recipe = read_request(outcome.files[0])
    assert (recipe.seeds, recipe.scale, recipe.config.tau) == ((0, 1, 2), 4, 400)
    restored = session.results_folder("restore")
    drain(engine, session)
    assert restored.exists(), "a comparison leaves the files of the other view alone"
    session.clean()
    assert not restored.exists()


def test_stop_keeps_the_estimates(engine):
    session, seen = Session(), []
    for item in run_comparison(engine, session, str(TINY), "Simulate x4", True, "0-1", 0, 0, {"steps": 50}):
        seen.append(item)
        session.stopped = isinstance(item, str) and "Step 3 of 50" in item
    assert isinstance(seen[-1], ComparisonOutcome)
    assert "Stopped after step 3 of 50" in seen[-1].html
    assert len([item for item in seen if isinstance(item, str)]) == 4
    session.clean()


def test_wrong_input_ends_in_one_message(engine, bad_files):
    for items, message in (
        (drain(engine, Session(), seeds="1"), "1 seeds are given"),
        (drain(engine, Session(), values={"tau": -1}), "tau is -1"),
        (drain(engine, Session(), photo=None), "Choose a photo first"),
    ):
        assert len(items) == 1
        assert message in items[0]
        assert 'role="alert"' in items[0]
    for path in bad_files.values():
        assert path.name in drain(engine, Session(), photo=path)[-1]


def test_the_plan_tells_the_cost_once_there_was_a_run():
    engine = Engine()
    assert "4 seeds of 20 steps" in compare_plan(engine, "0-3", {})
    assert "about" not in compare_plan(engine, "0-3", {})
    engine.note_pace(10.0, 100)
    assert "about 8 s" in compare_plan(engine, "0-3", {"steps": 20})
    assert "1 seeds are given" in compare_plan(engine, "3", {})


def pictures(count):
    return [Image.fromarray(np.random.default_rng(i).integers(0, 256, (8, 8, 3), dtype=np.uint8)) for i in range(count)]


def test_cards_name_their_seeds_and_describe_their_pictures():
    html = render_cards([Card(7, pictures(1)[0], "a < b", picked=True)])
    assert 'alt="result of seed 7, one of the most different"' in html
    assert "a &lt; b" in html
    assert "image/jpeg" in html
    assert "image/png" in render_cards([Card(7, pictures(1)[0])], lossless=True)


def test_every_control_of_a_comparison_has_a_name():
    results = torch.rand(3, 3, 8, 8)
    html = render_comparison([Card(i, p) for i, p in enumerate(pictures(3))], compare(results, range(3)))
    for control in re.findall(r"<(?:input|select)[^>]*>", html):
        assert "aria-label=" in control
    assert all("alt=" in image for image in re.findall(r"<img[^>]*>", html))
    assert '<option selected value="1">' in html


def test_seeds_branch_off_the_last_restoration(engine):
    session = Session()
    restored = list(run(engine, session, str(TINY), "Simulate x4", True, [0], 1, 7, FAST))[-1]
    outcome = drain(engine, session, seeds="7, 8", branch=2)[-1]
    assert "parted after step 2 of 4" in outcome.summary
    with zipfile.ZipFile(outcome.files[0]) as archive:
        own = Image.open(BytesIO(archive.read("seed7.png")))
        other = Image.open(BytesIO(archive.read("seed8.png")))
    same = np.abs(np.asarray(own, int) - np.asarray(restored.after, int))
    assert same.max() <= 1  # a batch of two may round otherwise than a single run
    assert np.abs(np.asarray(other, int) - np.asarray(own, int)).max() > 1
    session.clean()


def test_seeds_that_parted_after_a_step_are_made_again_from_their_zip(engine, tmp_path):
    session = Session()
    list(run(engine, session, str(TINY), "Simulate x4", True, [0], 1, 7, FAST))
    (made,) = drain(engine, session, seeds="3, 8", branch=2)[-1].files
    path = Path(shutil.copy(made, tmp_path / "made.zip"))
    session.clean()
    recipe = read_request(path)
    assert recipe.branch == Branch(2, 7)
    assert on_load_seeds(str(path)) == ("3, 8", 2)
    assert on_load_settings(str(path))[len(recipe.to_dict()["config"])] == 7  # the seed to restore first
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
    assert "Restore the face first" in drain(engine, session, branch=2)[-1]
    list(run(engine, session, str(TINY), "Simulate x4", True, [0], 1, 7, FAST))
    assert "branch is 4" in drain(engine, session, branch=4)[-1]  # the last step leaves nothing to part
    assert "branch is 1" in drain(engine, session, branch=1, values={"steps": 5, "tau": 400})[-1]
    assert "branch is 1" in drain(engine, session, branch=1, mode="Simulate x8")[-1]
    session.clean()
