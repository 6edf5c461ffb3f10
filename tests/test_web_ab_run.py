import json
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core.imaging.pictures import read_settings
from dpi_core.method.config import DPIConfig
from dpi_core.models.presets import PRESETS, find_preset
from dpi_core.web.ab_outcome import AbOutcome
from dpi_core.web.ab_run import run_ab
from dpi_core.web.ab_settings import ab_plan, both, differences, in_words, read_stored, stored, words_of
from dpi_core.web.ab_tab import TAKEN, on_choice, on_held, on_take, words_html
from dpi_core.web.ab_view import Side, render_ab, render_running
from dpi_core.web.engine import Engine, EngineSettings
from dpi_core.web.events import FIELDS
from dpi_core.web.session import Session

TINY = EXAMPLES / "astronaut-tiny.png"
A = {"steps": 4, "tau": 600, "eta": 1.0}
B = {**A, "tau": 0}


@pytest.fixture(scope="module")
def engine():
    return Engine(EngineSettings(device="cpu"))


def drain(engine, session, a=A, b=B, photo=TINY, mode="Simulate x4", seed=5):
    return list(run_ab(engine, session, str(photo) if photo else None, mode, True, seed, a, b))


@pytest.mark.parametrize("b", [B, {**A, "tau": 700}, {**A, "steps": 3, "sparsity": 1}, {**A, "correct": False}])
def test_both_results_are_those_of_single_runs(engine, restorer, b):
    session = Session()
    items = drain(engine, session, b=b)
    outcome = items[-1]
    assert isinstance(outcome, AbOutcome)
    images = []
    for path, values in zip(outcome.files, (A, b), strict=False):
        alone = restorer.restore(TINY, DPIConfig.from_dict(values), seeds=(5,), scale=4, aligned=True)
        assert np.array_equal(np.asarray(Image.open(path)), np.asarray(alone.results[0].image))
        assert read_settings(path) == alone.results[0].settings
        images.append(np.asarray(alone.results[0].image, float))
    record = json.loads(Path(outcome.files[2]).read_text())
    assert record["distance_levels"] == pytest.approx(np.sqrt(np.mean((images[0] - images[1]) ** 2)), abs=2e-3)
    steps = DPIConfig.from_dict(A).steps + DPIConfig.from_dict(b).steps - record["steps_shared"]
    assert sum("<progress" in item for item in items[:-1]) == steps
    session.clean()


def test_a_comparison_streams_both_sides_and_ends_in_figures(engine):
    session = Session()
    items = drain(engine, session)
    assert "step 1 of 4, the same for both" in items[1]
    assert items[1].count("<img") == 2
    assert items[-2].count('dpi-badge dpi-final">final') == 2
    outcome = items[-1]
    assert [Path(path).name[-6:] for path in outcome.files] == ["-A.png", "-B.png", "B.json"]
    for text in ("LR-consistency", "PSNR", "SSIM", 'data-role="wipe"', "the truth"):
        assert text in outcome.html
    assert "levels apart" in outcome.summary
    assert "They differ in tau (600, 0)" in outcome.summary
    photo = drain(engine, session, mode="The photo as it is")[-1].html
    assert "PSNR" not in photo
    assert "the truth" not in photo
    session.clean()


def test_what_the_runs_have_to_say_is_told_once(engine, monkeypatch):
    monkeypatch.setattr("dpi_core.restore.restorer.notes", lambda *_: ["The batch was cut."])
    session = Session()
    assert drain(engine, session)[-1].summary.count("The batch was cut.") == 1
    session.clean()


def test_stop_ends_both_after_their_step(engine):
    session, items = Session(), []
    values = ({"steps": 50}, {"steps": 40})
    for item in run_ab(engine, session, str(TINY), "Simulate x4", True, 0, *values):
        items.append(item)
        session.stopped = isinstance(item, str) and "5 of 90 steps" in item
    assert len(items) <= 1 + 5 + 1 + 1
    assert "Stopped, the estimates kept" in items[-1].summary
    assert "stopped after step 3 of 50" in items[-1].html
    session.clean()


def test_stop_before_both_parted_says_so(engine):
    session, items = Session(), []
    longer = ({**A, "steps": 8}, {**B, "steps": 8})  # with two more steps in common after the first
    for item in run_ab(engine, session, str(TINY), "Simulate x4", True, 0, *longer):
        items.append(item)
        session.stopped = isinstance(item, str) and "<progress" in item
    assert "before A and B parted" in items[-1]


def test_wrong_input_ends_in_one_message(engine, bad_files):
    for items, message in (
        (drain(engine, Session(), b=A), "A and B are the same settings"),
        (drain(engine, Session(), b={"tau": -1}), "tau is -1"),
        (drain(engine, Session(), seed=None), "seed is None"),
        (drain(engine, Session(), photo=None), "Choose a photo first"),
    ):
        assert len(items) == 1
        assert message in items[0]
        assert 'role="alert"' in items[0]
    for path in bad_files.values():
        assert path.name in drain(engine, Session(), photo=path)[-1]


def test_settings_and_their_differences_in_words():
    plan = both({}, {"tau": 50, "eta": 1.0, "correct": False})
    a, b = plan.variants
    assert words_of(plan) == [in_words(a.config), in_words(b.config)]
    assert in_words(a.config) == "steps 20, tau 350, k 2, s 1.4, omega 1500, eta 0, with CRT"
    assert in_words(b.config) == "steps 20, tau 50, k 2, s 1.4, omega 1500, eta 1, no CRT"
    assert in_words(DPIConfig(project=True)).endswith("with CRT, with exact agreement")
    assert in_words(DPIConfig(correct_every=3)).endswith("eta 0, CRT every 3, with CRT")
    assert differences(*both({}, {"correct_every": 3}).variants) == "CRT every (1, 3)"
    assert differences(*both({}, {"tau": 50}, ("embedded", "ffhq-256")).variants) == (
        "prior (embedded, ffhq-256) and tau (350, 50)"
    )
    assert differences(a, b) == "tau (350, 50), eta (0, 1) and CRT (on, off)"
    assert differences(*both({}, {"sparsity": 1}).variants) == "k (2, 1)"


def test_the_plan_tells_differences_savings_and_time():
    engine = Engine()
    assert "differ in eta (0, 1). 40 steps to run." in ab_plan(engine, {}, {"eta": 1.0})
    engine.note_pace(10.0, 100)
    plan = ab_plan(engine, {}, {"tau": 50})
    assert "28 steps to run instead of 40: they share the first 12. About 3 s" in plan
    assert "the same settings" in ab_plan(engine, {}, {})


def test_a_side_takes_a_preset_or_the_pages_settings():
    values = [getattr(DPIConfig(tau=70), field) for field in FIELDS]
    assert on_choice("A", "published", "embedded", *values)[0] == "published"
    held, words = on_choice("A", TAKEN, "embedded", *values)
    assert read_stored(held, "embedded") == DPIConfig(tau=70)
    assert "tau 70" in words
    preset = [getattr(PRESETS["medium"].config, field) for field in FIELDS]
    assert on_take("B", "embedded", *preset)[0] == "medium"
    assert "B stays as it was: steps is 0" in on_take("B", "embedded", 0, *values[1:])[1]


def test_a_preset_is_the_one_for_the_sides_prior():
    assert on_held(Engine(), "A", "heavy", "embedded")[1] == words_html(find_preset("heavy").config)
    assert on_held(Engine(), "A", "heavy", "ffhq-256")[1] == words_html(find_preset("heavy", "ffhq-256").config)
    assert on_held(Engine(), "A", '{"tau":70}', "embedded")[0] == TAKEN
    assert "A: prior is &#x27;/etc&#x27;; allowed on this page" in on_held(Engine(), "A", "heavy", "/etc")[1]


@pytest.mark.parametrize("config", [DPIConfig(), PRESETS["heavy"].config, DPIConfig(tau=7, eta=0.25, correct=False)])
@pytest.mark.parametrize("prior", ["embedded", "ffhq-256"])
def test_settings_come_back_from_their_short_text(config, prior):
    assert read_stored(stored(config, prior), prior) == config


@pytest.mark.parametrize("text", ["wild", "{", '{"tau":-1}', '{"taus":1}'])
def test_a_short_text_that_is_none_is_named(text):
    with pytest.raises(ValueError, match=r"allowed|the fields are"):
        read_stored(text, "embedded")


def test_every_control_and_picture_is_named():
    picture = Image.new("RGB", (8, 8))
    sides = [Side(picture, f"tau {i} < 9", "final", "4 steps", {"lr_consistency": 30.0 + i}) for i in range(2)]
    html = render_ab(*sides, picture, 5.0, [("the input", picture)])
    assert html.count("<img") == html.count('alt="') == 4
    assert 'aria-label="Wipe' in html
    assert "tau 0 &lt; 9" in html
    assert "<td>30.0 dB</td><td><b>31.0 dB</b></td><td>+1.0</td>" in html
    running = render_running(sides[:1], 1, 9, "1 of 9 steps")
    assert 'alt="estimate of A, 4 steps"' in running
