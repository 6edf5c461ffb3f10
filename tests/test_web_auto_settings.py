"""Auto on the page: asked for or not, it never takes the place of settings that a visitor brought."""

from dataclasses import asdict

import pytest
from conftest import EXAMPLES

from dpi_core.models.presets import AUTOMATIC, find_preset, fitted
from dpi_core.web.auto_settings import choice_for, config_of
from dpi_core.web.restore_run import settled
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making

PHOTO = str(EXAMPLES / "astronaut-tiny.png")


def named(**changed):
    start = asdict(find_preset("medium").config)
    others = {"photo": PHOTO, "mode": "The photo as it is", "aligned": False, "chosen": [], "background": 0}
    return {**others, "seed": 0, "method": "dpi", "preset": AUTOMATIC, **start, **changed}


def test_the_choice_is_the_faces_and_waits_for_one(engine):
    choice = choice_for(engine, Session(), named())
    assert choice is not None
    assert choice.config == fitted(4, True, "embedded")
    assert choice_for(engine, Session(), named(photo=None)) is None
    assert choice_for(engine, Session(), named(preset="mild")) is None


@pytest.mark.parametrize("wrong", [{"seed": None}, {"tau": 2000}, {"photo": "/gone.png"}])
def test_what_is_wrong_is_told_where_it_is_used_and_not_by_auto(engine, wrong):
    assert choice_for(engine, Session(), named(**wrong)) is None


def test_a_simulation_is_judged_by_what_it_leaves(engine):
    choice = choice_for(engine, Session(), named(mode="Simulate x8"))
    assert choice is not None
    assert "16 pixels" in choice.line


def test_settings_that_are_not_allowed_are_nobodys():
    assert config_of(named()) == find_preset("medium").config
    assert config_of(named(tau=-1)) is None


def test_a_run_under_auto_takes_what_the_face_asks_for(engine, restorer):
    from dpi_core.restore.request import Request

    request = Request(find_preset("medium").config)
    prepared = restorer.prepare(PHOTO)
    assert settled(Making(PHOTO, request, automatic=True), prepared).config == fitted(4, True, "embedded")
    assert settled(Making(PHOTO, request), prepared).config == request.config
