"""What a second run on the page takes of the one before: the steps they have in common, and of no other kind of run."""

import pytest
from page_runs import FAST, at_step, drain, faces_in, making, result_of

from dpi_core.method.config import DPIConfig
from dpi_core.web.restore_run import run
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making


def test_another_tau_runs_only_the_steps_below_the_earlier_split(engine, astronaut):
    session = Session()
    drain(engine, session, astronaut, values={"steps": 6, "tau": 300})
    for tau, reused in ((600, 2), (200, 2), (200, 5), (0, 4)):
        items = drain(engine, session, astronaut, values={"steps": 6, "tau": tau})
        assert f"{reused} of 6 steps were those of the run before" in items[-1].stage["line"]
        assert sum(item["state"] == "running" for item in items[:-1]) == 6 - reused
        fresh = Session()
        alone = drain(engine, fresh, astronaut, values={"steps": 6, "tau": tau})[-1]
        assert result_of(alone) == result_of(items[-1])
        assert [f.stage for f in session.film] == [f.stage for f in fresh.film]
        fresh.clean()
    session.clean()


@pytest.mark.parametrize(
    "other", [{"seed": 8}, {"mode": "Simulate x8"}, {"values": {"steps": 4, "tau": 400, "eta": 0.5}}]
)
def test_nothing_is_reused_of_a_run_of_another_kind(engine, astronaut, other):
    session = Session()
    drain(engine, session, astronaut)
    assert "of the run before" not in drain(engine, session, astronaut, **other)[-1].stage["line"]
    session.clean()


def test_a_stopped_run_goes_on_where_it_stopped(engine, astronaut):
    session = Session()
    for item in run(engine, session, making(astronaut, values={"steps": 6})):
        session.stopped = session.stopped or at_step(item, 3)
    session.stopped = False
    items = drain(engine, session, astronaut, values={"steps": 6})
    assert "3 of 6 steps were those of the run before" in items[-1].stage["line"]
    fresh = drain(engine, Session(), astronaut, values={"steps": 6})[-1]
    assert result_of(items[-1]) == result_of(fresh)
    session.clean()


def test_two_runs_have_the_same_key_only_if_they_are_the_same():
    one = making("a.png")
    assert one.key == making("a.png").key
    others = [
        making("b.png"),
        making("a.png", seed=1),
        making("a.png", chosen=(0, 1)),
        making("a.png", values={"tau": 3}),
    ]
    assert len({one.key, *(other.key for other in others)}) == 5


@pytest.mark.parametrize(("method", "steps"), [("ddnm", 4), ("bicubic", 1)])
def test_the_view_runs_the_method_that_is_asked_for(engine, analytic_restorer, astronaut, method, steps):
    session, made = Session(), making(astronaut, "Simulate x8")
    list(run(engine, session, made))
    assert session.trajectory is not None
    other = Making(made.photo, made.request.replaced({"method": method}))
    assert other.key != made.key
    items = list(run(engine, session, other))
    alone = analytic_restorer.restore(astronaut, DPIConfig.from_dict(FAST), scale=8, method=method)
    assert result_of(items[-1]) == alone.results[0].image.tobytes()
    running = [item for item in items[:-1] if item["state"] == "running"]
    assert len(running) == steps, "no step of DPI's run before is taken for one of its own"
    assert items[-1].stage["state"] == "done"
    assert "fcm" not in items[-1].stage["pieces"][0]["pictures"]
    assert [stage for _, stage in items[-1].stage["steps"]] == [item["frame"]["stage"] for item in running]
    assert session.trajectory is None, "nothing can go on from it"
    assert faces_in(items[-1])[0]["method"] == method
    session.clean()
