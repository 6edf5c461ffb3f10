"""A and B with two priors: sizes and crops differ, one is loaded on demand, and a prior that cannot be loaded is named."""

import json
from pathlib import Path

import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core.web.ab_outcome import OWN_TRUTHS, AbOutcome
from dpi_core.web.ab_run import run_ab
from dpi_core.web.ab_settings import ab_plan
from dpi_core.web.engine import Engine, EngineSettings
from dpi_core.web.session import Session

PHOTO = EXAMPLES / "astronaut.jpg"
FEW = {"steps": 3, "tau": 600}


@pytest.fixture(scope="module")
def engine():
    return Engine(EngineSettings(device="cpu", any_prior=True))


def drain(engine, session, priors, mode="Simulate x8", aligned=False, a=FEW, b=FEW):
    return list(run_ab(engine, session, str(PHOTO), mode, aligned, 5, a, b, priors))


def test_two_priors_are_compared_in_one_frame(engine, large_prior):
    session = Session()
    items = drain(engine, session, (None, large_prior))
    outcome = items[-1]
    assert isinstance(outcome, AbOutcome), items[-1]
    assert any(f"Loading B&#x27;s prior {large_prior}" in item for item in items[:-1])
    for text in (
        f"prior (embedded, {large_prior})",
        "compared is what lies in that of A",
        "A 128, B 256 pixels",
        OWN_TRUTHS,
    ):
        assert text in outcome.summary.replace("&#x27;", "'")
    assert [Image.open(path).width for path in outcome.files[:2]] == [128, 256]  # each result as it is
    record = json.loads(Path(outcome.files[2]).read_text())
    assert (record["A"]["prior"], record["B"]["prior"]) == ("embedded", large_prior)
    assert record["steps_shared"] == 0
    for text in ("the input of A", "the truth of B", f"embedded: steps {FEW['steps']}, tau 600, k 2"):
        assert text in outcome.html
    assert sum("<progress" in item for item in items[:-1]) == 2 * FEW["steps"]
    assert engine.estimate(10, large_prior) > 0
    session.clean()


def test_a_whole_picture_is_only_resized(engine, large_prior):
    session = Session()
    outcome = drain(engine, session, (large_prior, "embedded"), "The photo as it is", aligned=True)[-1]
    assert "compared is what lies" not in outcome.summary
    assert "the smaller one is enlarged to 256" in outcome.summary
    assert OWN_TRUTHS not in outcome.summary
    session.clean()


def test_the_other_prior_takes_nothing_from_the_first_ones_result(engine, large_prior):
    session = Session()
    first = [Path(drain(engine, session, ("embedded", large_prior))[-1].files[0]).read_bytes()]
    first.append(Path(drain(engine, session, ("embedded", "embedded"), b={**FEW, "tau": 0})[-1].files[0]).read_bytes())
    assert first[0] == first[1]
    session.clean()


def test_a_prior_that_cannot_be_loaded_is_named_and_leaves_the_others(engine):
    engine.restorer()
    last = drain(engine, Session(), (None, "no/such-folder"))[-1]
    assert 'role="alert"' in last
    assert "B&#x27;s prior no/such-folder cannot be loaded: " in last
    assert engine.holds("embedded")


def test_a_public_page_names_no_folders(large_prior):
    (only,) = drain(Engine(), Session(), (None, large_prior))
    assert "allowed on this page is one of embedded, ffhq-256, celebahq-256" in only


def test_stop_while_a_prior_is_loaded_ends_before_the_first_step(engine, large_prior):
    session, items = Session(), []
    for item in run_ab(engine, session, str(PHOTO), "Simulate x8", False, 0, FEW, FEW, (large_prior, "embedded")):
        items.append(item)
        session.stopped = True
    assert "Stopped before the first step" in items[-1]


def test_the_plan_tells_the_priors_apart(large_prior):
    engine = Engine(EngineSettings(any_prior=True))
    plan = ab_plan(engine, FEW, FEW, (None, large_prior))
    assert f"differ in prior (embedded, {large_prior}). 6 steps to run." in plan
    assert "known after a first run with each prior" in plan
    assert f"To be loaded first: embedded, {large_prior}." in plan
    engine.note_pace(3.0, 3)
    engine.note_pace(30.0, 3, large_prior)
    assert "About 33 s on this machine" in ab_plan(engine, FEW, FEW, (None, large_prior))
    assert "the same settings" in ab_plan(engine, FEW, FEW, (large_prior, large_prior))
