"""A and B with two priors: sizes and crops differ, one is loaded on demand, and a prior that cannot be loaded is named."""

import json
from pathlib import Path

import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core.restore.request import Request
from dpi_core.web.ab_run import OWN_TRUTHS, run_ab
from dpi_core.web.ab_settings import ab_plan, side_of
from dpi_core.web.engine import Engine, EngineSettings
from dpi_core.web.live import ViewOutcome
from dpi_core.web.session import Session

PHOTO = EXAMPLES / "astronaut.jpg"
FEW = {"steps": 3, "tau": 600}


@pytest.fixture(scope="module")
def engine(analytic_restorer):
    engine = Engine(EngineSettings(device="cpu", any_prior=True))
    engine._held["embedded"] = analytic_restorer
    return engine


def sides(priors, a=FEW, b=FEW, scale=8, aligned=False):
    request = Request().replaced({"seeds": [5], "scale": scale, "aligned": aligned})
    return [request.replaced({"config": c, "prior": prior}) for c, prior in zip((a, b), priors, strict=True)]


def drain(engine, session, priors, **options):
    return list(run_ab(engine, session, str(PHOTO), *sides(priors, **options)))


def test_two_priors_are_compared_in_one_frame(engine, large_prior):
    session = Session()
    items = drain(engine, session, ("embedded", large_prior))
    outcome = items[-1]
    assert isinstance(outcome, ViewOutcome), items[-1]
    assert any(f"Loading B's prior {large_prior}" in item["line"] for item in items[:-1])
    for text in (
        f"“Prior” (embedded against {large_prior})",
        "compared is what lies in that of A",
        "A 128, B 256 pixels",
        OWN_TRUTHS,
    ):
        assert text in outcome.view["note"]
    assert [Image.open(path).width for path in outcome.files[:2]] == [128, 256]  # each result as it is
    record = json.loads(Path(outcome.files[2]).read_text())
    assert (record["A"]["prior"], record["B"]["prior"]) == ("embedded", large_prior)
    assert record["steps_shared"] == 0
    names = [reference["name"] for reference in outcome.view["references"]]
    assert names == ["input of A", "truth of A", "input of B", "truth of B"]
    assert outcome.view["sides"][0]["words"].startswith(f"embedded: steps {FEW['steps']}, tau 600, k 2")
    assert sum(item["state"] == "running" for item in items[:-1]) == 2 * FEW["steps"]
    assert engine.estimate(10, large_prior) > 0
    session.clean()


def test_a_whole_picture_is_only_resized(engine, large_prior):
    session = Session()
    outcome = drain(engine, session, (large_prior, "embedded"), scale=None, aligned=True)[-1]
    assert "compared is what lies" not in outcome.view["note"]
    assert "the smaller one is enlarged to 256" in outcome.view["note"]
    assert OWN_TRUTHS not in outcome.view["note"]
    session.clean()


def test_the_other_prior_takes_nothing_from_the_first_ones_result(engine, large_prior):
    session = Session()
    first = [Path(drain(engine, session, ("embedded", large_prior))[-1].files[0]).read_bytes()]
    first.append(Path(drain(engine, session, ("embedded", "embedded"), b={**FEW, "tau": 0})[-1].files[0]).read_bytes())
    assert first[0] == first[1]
    session.clean()


def test_a_prior_that_cannot_be_loaded_is_named_and_leaves_the_others(engine):
    engine.restorer()
    last = drain(engine, Session(), ("embedded", "no/such-folder"))[-1]
    assert last["state"] == "failed"
    assert "B's prior no/such-folder cannot be loaded: " in last["line"]
    assert engine.holds("embedded")


def test_a_public_page_names_no_folders(large_prior):
    with pytest.raises(ValueError, match="allowed on this page is one of embedded, ffhq-256, celebahq-256"):
        side_of(Engine(), Request(), "heavy", large_prior, "dpi")


def test_stop_while_a_prior_is_loaded_ends_before_the_first_step(engine, large_prior):
    session, items = Session(), []
    for item in run_ab(engine, session, str(PHOTO), *sides((large_prior, "embedded"))):
        items.append(item)
        session.stopped = True
    assert "Stopped before the first step" in items[-1]["line"]


def test_the_plan_tells_the_priors_apart(large_prior):
    engine = Engine(EngineSettings(any_prior=True))
    plan = ab_plan(engine, *sides(("embedded", large_prior)))
    assert f"differ in “Prior” (embedded against {large_prior}). 6 steps to run." in plan
    assert "known after a first run of each" in plan
    assert f"To be loaded first: embedded, {large_prior}." in plan
    engine.note_pace(3.0, 3)
    engine.note_pace(30.0, 3, large_prior)
    assert "About 33 s on this machine" in ab_plan(engine, *sides(("embedded", large_prior)))
    with pytest.raises(ValueError, match="the same settings"):
        ab_plan(engine, *sides((large_prior, large_prior)))
