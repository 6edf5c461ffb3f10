import json
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core.imaging.pictures import read_settings
from dpi_core.method.config import SETTINGS, DPIConfig
from dpi_core.models.presets import PRESETS, find_preset
from dpi_core.restore.request import Request
from dpi_core.web.ab_data import figures_data
from dpi_core.web.ab_run import run_ab
from dpi_core.web.ab_settings import ab_plan, both, differences, in_words, read_stored, side_of, stored, words_of
from dpi_core.web.ab_tab import TAKEN, on_held, taken, words_html
from dpi_core.web.engine import Engine
from dpi_core.web.events import FIELDS
from dpi_core.web.live import ViewOutcome
from dpi_core.web.session import Session
from dpi_core.web.stage_data import decoded

TINY = EXAMPLES / "astronaut-tiny.png"
A = {"steps": 4, "tau": 600, "eta": 1.0}
B = {**A, "tau": 0}


def sides(a=A, b=B, methods=("dpi", "dpi"), **asked):
    request = Request().replaced({"seeds": [5], "scale": 4, "aligned": True, **asked})
    return [request.replaced({"config": c, "method": m}) for c, m in zip((a, b), methods, strict=True)]


def drain(engine, session, *arguments, photo=TINY, **options):
    return list(run_ab(engine, session, str(photo) if photo else None, *sides(*arguments, **options)))


@pytest.mark.parametrize("b", [B, {**A, "tau": 700}, {**A, "steps": 3, "sparsity": 1}, {**A, "correct": False}])
def test_both_results_are_those_of_single_runs(engine, analytic_restorer, b):
    session = Session()
    items = drain(engine, session, A, b)
    outcome = items[-1]
    assert isinstance(outcome, ViewOutcome)
    images = []
    for path, values, side in zip(outcome.files, (A, b), outcome.view["sides"], strict=False):
        request = Request(DPIConfig.from_dict(values), seeds=(5,), scale=4, aligned=True)
        alone = analytic_restorer.run(TINY, request)
        assert np.array_equal(np.asarray(Image.open(path)), np.asarray(alone.results[0].image))
        assert decoded(side["picture"]).tobytes() == alone.results[0].image.tobytes()
        assert read_settings(path) == alone.results[0].settings
        images.append(np.asarray(alone.results[0].image, float))
    record = json.loads(Path(outcome.files[2]).read_text())
    assert record["distance_levels"] == pytest.approx(np.sqrt(np.mean((images[0] - images[1]) ** 2)), abs=2e-3)
    steps = DPIConfig.from_dict(A).steps + DPIConfig.from_dict(b).steps - record["steps_shared"]
    assert sum(item["state"] == "running" for item in items[:-1]) == steps
    session.clean()


def test_a_comparison_streams_both_sides_and_ends_in_figures(engine):
    session = Session()
    items = drain(engine, session)
    running = [item for item in items[:-1] if item["state"] == "running"]
    assert [side["where"] for side in running[0]["sides"]] == 2 * ["step 1 of 4, the same for both"]
    assert [side["stage"] for side in running[-1]["sides"]] == ["final", "final"]
    assert [item["progress"][0] for item in running] == list(range(1, len(running) + 1))
    outcome = items[-1]
    assert [Path(path).name[-6:] for path in outcome.files] == ["-A.png", "-B.png", "B.json"]
    assert [row["name"] for row in outcome.view["figures"]] == ["PSNR", "SSIM", "LR-consistency"]
    assert [reference["name"] for reference in outcome.view["references"]] == ["input", "truth"]
    assert "levels apart" in outcome.view["line"]
    assert "They differ in “Stage split tau” (600 against 0)" in outcome.view["note"]
    photo = drain(engine, session, scale=None)[-1].view
    assert [row["name"] for row in photo["figures"]] == ["LR-consistency"]
    assert [reference["name"] for reference in photo["references"]] == ["input"]
    session.clean()


@pytest.mark.parametrize("method", ["ddnm", "bicubic"])
def test_another_method_stands_beside_dpi(engine, analytic_restorer, method):
    session = Session()
    items = drain(engine, session, A, A, methods=("dpi", method))
    outcome = items[-1]
    alone = analytic_restorer.restore(TINY, DPIConfig.from_dict(A), seeds=(5,), scale=4, aligned=True, method=method)
    assert np.array_equal(np.asarray(Image.open(outcome.files[1])), np.asarray(alone.results[0].image))
    assert read_settings(outcome.files[1])["method"] == method
    assert f"They differ in “Method” (dpi against {method})." in outcome.view["note"]
    assert outcome.view["sides"][1]["words"] == f"{method}: steps 4, k 2"
    last = [item for item in items[:-1] if item["state"] == "running"][-1]
    assert last["progress"][0] == last["progress"][1] == (5 if method == "bicubic" else 8)
    assert outcome.view["state"] == "done"
    session.clean()


def test_settings_that_another_method_does_not_heed_make_no_difference():
    engine = Engine()
    with pytest.raises(ValueError, match="A and B are the same settings"):
        ab_plan(engine, *sides(A, B, methods=("ddnm", "ddnm")))
    plan = ab_plan(engine, *sides(A, {**B, "steps": 8}, methods=("ddnm", "ddnm")))
    assert "A and B differ in “Steps” (4 against 8). 12 steps to run." in plan
    assert "differ in “Method” (dpi against ddnm). 8 steps to run." in ab_plan(
        engine, *sides(A, B, methods=("dpi", "ddnm"))
    )
    assert "5 steps to run" in ab_plan(engine, *sides(A, B, methods=("dpi", "bicubic")))


def test_what_the_runs_have_to_say_is_told_once(engine, monkeypatch):
    monkeypatch.setattr("dpi_core.restore.restorer.notes", lambda *_: ["The batch was cut."])
    session = Session()
    assert drain(engine, session)[-1].view["note"].count("The batch was cut.") == 1
    session.clean()


def test_stop_ends_both_after_their_step(engine):
    session, items = Session(), []
    for item in run_ab(engine, session, str(TINY), *sides({"steps": 50}, {"steps": 40})):
        items.append(item)
        session.stopped = isinstance(item, dict) and "5 of 90 steps" in item["line"]
    assert len(items) <= 1 + 5 + 1 + 1
    assert "Stopped, the estimates kept" in items[-1].view["line"]
    assert items[-1].view["state"] == "stopped"
    assert "stopped after step 3 of 50" in items[-1].view["sides"][0]["where"]
    session.clean()


def test_stop_before_both_parted_says_so(engine):
    session, items = Session(), []
    longer = ({**A, "steps": 8}, {**B, "steps": 8})  # with two more steps in common after the first
    for item in run_ab(engine, session, str(TINY), *sides(*longer)):
        items.append(item)
        session.stopped = item["state"] == "running"
    assert "before A and B parted" in items[-1]["line"]
    assert items[-1]["state"] == "stopped"


def test_wrong_input_ends_in_one_message(engine, bad_files):
    for items, message in (
        (drain(engine, Session(), A, A), "A and B are the same settings"),
        (drain(engine, Session(), photo=None), "Choose a photo first"),
    ):
        assert [item["state"] for item in items] == ["failed"]
        assert message in items[0]["line"]
    for path in bad_files.values():
        last = drain(engine, Session(), photo=path)[-1]
        assert (last["state"], path.name in last["line"]) == ("failed", True)


def variants(a, b, **options):
    return both(*sides(a, b, **options)).variants


def test_settings_and_their_differences_in_words():
    plan = both(*sides({}, {"tau": 50, "eta": 1.0, "correct": False}))
    a, b = plan.variants
    assert words_of(plan) == [in_words(a.config), in_words(b.config)]
    assert in_words(a.config) == "steps 20, tau 350, k 2, s 1.4, omega 1500, eta 0, with CRT"
    assert in_words(b.config) == "steps 20, tau 50, k 2, s 1.4, omega 1500, eta 1, no CRT"
    assert in_words(DPIConfig(project=True)).endswith("with CRT, with exact agreement")
    assert in_words(DPIConfig(correct_every=3)).endswith("eta 0, CRT every 3, with CRT")
    assert in_words(DPIConfig(noise_level=8.0), "ddnm") == "steps 20, k 2, input noise 8"
    assert differences(*variants({}, {"correct_every": 3})) == "“Ask the CRT every .. steps” (1 against 3)"
    other = Request(DPIConfig(tau=50), prior="ffhq-256")
    assert differences(*both(Request(), other).variants) == (
        "“Prior” (embedded against ffhq-256) and “Stage split tau” (350 against 50)"
    )
    assert differences(a, b) == (
        "“Stage split tau” (350 against 50), “Noise eta” (0 against 1) and “Correct the condition (CRT)” (on against off)"
    )
    assert differences(*variants({}, {"sparsity": 1})) == "“Mask sparsity k” (2 against 1)"
    assert differences(*variants({}, {"tau": 0, "steps": 5}, methods=("dpi", "ddnm"))) == (
        "“Method” (dpi against ddnm) and “Steps” (20 against 5)"
    )


@pytest.mark.parametrize("field", SETTINGS)
def test_every_setting_that_differs_is_named_as_the_page_labels_it(field):
    setting, value = SETTINGS[field], getattr(DPIConfig(), field)
    other = not value if setting.low is None else setting.high if value == setting.low else setting.low
    told = differences(*variants({}, {field: other}))
    assert told.startswith(f"“{setting.label}” (")
    assert told.count("“") == told.count(" against ") == 1


def test_the_plan_tells_differences_savings_and_time():
    engine = Engine()
    assert "differ in “Noise eta” (0 against 1). 40 steps to run." in ab_plan(engine, *sides({}, {"eta": 1.0}))
    engine.note_pace(10.0, 100)
    plan = ab_plan(engine, *sides({}, {"tau": 50}))
    assert "28 steps to run instead of 40: they share the first 12. About 3 s" in plan
    assert "About" not in ab_plan(engine, *sides({}, {}, methods=("dpi", "ddnm"))), "its pace is another"
    with pytest.raises(ValueError, match="the same settings"):
        ab_plan(engine, *sides({}, {}))


def test_a_side_takes_the_pages_settings():
    def named(**values):
        return {field: getattr(DPIConfig(), field) for field in FIELDS} | values

    assert read_stored(taken(named(tau=70), "embedded"), "embedded") == DPIConfig(tau=70)
    medium = {field: getattr(PRESETS["medium"].config, field) for field in FIELDS}
    assert taken(medium, "embedded") == "medium"
    with pytest.raises(ValueError, match="steps is 0"):
        taken(named(steps=0), "embedded")
    side = side_of(Engine(), Request(seeds=(5,), scale=8), '{"tau":70}', "ffhq-256", "ddnm")
    assert side == Request(DPIConfig(tau=70), (5,), 8, prior="ffhq-256", method="ddnm")


def test_a_preset_is_the_one_for_the_sides_prior():
    def words(*asked):
        return on_held(Engine(), "A", *asked, "dpi")[1]

    assert words("heavy", "embedded") == words_html(find_preset("heavy").config)
    assert words("heavy", "ffhq-256") == words_html(find_preset("heavy", "ffhq-256").config)
    assert on_held(Engine(), "A", '{"tau":70}', "embedded", "dpi")[0] == TAKEN
    assert "tau" not in on_held(Engine(), "A", '{"tau":70}', "embedded", "ddnm")[1], "ddnm does not heed it"
    assert "A: prior is &#x27;/etc&#x27;; allowed on this page" in words("heavy", "/etc")


@pytest.mark.parametrize("config", [DPIConfig(), PRESETS["heavy"].config, DPIConfig(tau=7, eta=0.25, correct=False)])
@pytest.mark.parametrize("prior", ["embedded", "ffhq-256"])
def test_settings_come_back_from_their_short_text(config, prior):
    assert read_stored(stored(config, prior), prior) == config


@pytest.mark.parametrize("text", ["wild", "{", '{"tau":-1}', '{"taus":1}'])
def test_a_short_text_that_is_none_is_named(text):
    with pytest.raises(ValueError, match=r"allowed|the fields are"):
        read_stored(text, "embedded")


def test_the_higher_figure_is_the_better_one():
    rows = figures_data({"lr_consistency": 30.0, "ssim": 0.5}, {"lr_consistency": 31.0, "ssim": 0.5})
    assert [(row["values"], row["difference"], row["best"]) for row in rows] == [
        (["0.500", "0.500"], "+0.000", None),
        (["30.0 dB", "31.0 dB"], "+1.0", 1),
    ]


@pytest.mark.parametrize(("pair", "difference", "best"), [((70.0, 99.0), "+0.0", None), ((99.0, 30.0), "", 0)])
def test_what_agrees_exactly_is_no_number_of_decibels_better(pair, difference, best):
    (row,) = figures_data(*({"lr_consistency": value} for value in pair))
    assert (row["difference"], row["best"]) == (difference, best)
    assert row["values"][0] == "exact"
