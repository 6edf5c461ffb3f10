"""ZeroGPU with a stand-in for the `spaces` package."""

import multiprocessing
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch
from conftest import EXAMPLES
from zerogpu_stand_in import StandIn

from dpi_core import DPIConfig
from dpi_core.restore.records import RestoreStep
from dpi_core.restore.request import Request
from dpi_core.restore.restorer import Restoration, Restorer
from dpi_core.web.engine import Engine, EngineSettings
from dpi_core.web.session import Session
from dpi_core.web.zerogpu import LentRun, gpu_decorator, restorer_class, seconds_needed

CONFIG = DPIConfig(steps=4, tau=400, eta=0.5)
PHOTO = EXAMPLES / "astronaut.jpg"
FORK = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the stand-in forks")


pytestmark = pytest.mark.usefixtures("analytic_models")


@pytest.fixture
def spaces(monkeypatch):
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=stand_in.GPU))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the forked process: the last bits of a sum depend on how it is shared out
    yield stand_in
    torch.set_num_threads(threads)


@pytest.fixture
def lent(spaces):
    return restorer_class()()


def request(**values):
    return replace(LentRun(faces=1, steps=20, seeds=1, side=256, run=b"", stop_file=""), **values)


def test_without_the_package_nothing_changes(monkeypatch):
    monkeypatch.setitem(sys.modules, "spaces", None)
    assert gpu_decorator() is None
    assert restorer_class() is Restorer


def test_where_the_package_does_nothing_nothing_changes(monkeypatch):
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=lambda task=None, *, duration=None: lambda f: f))
    assert restorer_class() is Restorer


def test_another_package_of_that_name_changes_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace())
    assert restorer_class() is Restorer


def test_who_asks_for_the_cpu_gets_it(spaces):
    assert restorer_class("cpu") is Restorer
    assert restorer_class("auto") is not Restorer


def test_the_duration_is_linear_in_the_work():
    base = seconds_needed(request(steps=0))
    assert 5 <= base <= 15
    assert seconds_needed(request()) <= 15, "a plain run must not ask for the default minute"
    more = [seconds_needed(request(**{name: 1000})) - base for name in ("steps", "seeds", "faces")]
    assert more[0] > 30
    assert more[1] > 300
    assert more[2] == pytest.approx(20 * more[0], rel=0.02)
    assert seconds_needed(request(seeds=400, side=128)) == seconds_needed(request(seeds=100))
    assert isinstance(seconds_needed(request()), int)


@FORK
def test_a_run_there_is_a_run_here_bit_for_bit(lent, analytic_restorer, spaces):
    options = {"seeds": (3, 8), "scale": 8, "background": 2}
    here = list(analytic_restorer.restore_steps(PHOTO, CONFIG, **options))
    there = list(lent.restore_steps(PHOTO, CONFIG, **options))
    assert len(here) == len(there) == 5
    for a, b in zip(here[:-1], there[:-1], strict=True):
        assert isinstance(b, RestoreStep)
        assert (a.event.index, a.event.t, a.event.stage) == (b.event.index, b.event.t, b.event.stage)
        for name in ("x_t", "x0", "mask", "condition"):
            assert torch.equal(getattr(a.event, name), getattr(b.event, name)), name
    a, b = here[-1], there[-1]
    assert isinstance(b, Restoration)
    assert b.complete
    assert (b.background, b.preparation.note) == (2, a.preparation.note)
    assert [r.settings for r in a.results] == [r.settings for r in b.results]
    for one, other in zip(a.photos, b.photos, strict=True):
        assert np.array_equal(np.asarray(one), np.asarray(other))
    assert all(result.job is b.preparation.jobs[0] for result in b.results)
    assert spaces.durations == [seconds_needed(request(steps=4, seeds=2, side=128))]
    assert set(spaces.answers) == {bytes}


@FORK
def test_the_photo_stays_here(lent, spaces):
    prepared = lent.prepare(PHOTO)
    assert prepared.photo.nbytes > 500_000
    (*steps, done) = lent.restore_steps(prepared, CONFIG)
    assert spaces.sizes[0] < 500_000
    assert {id(step.job) for step in steps} == {id(prepared.jobs[0])}
    assert done.preparation is prepared
    assert done.photo.size == (prepared.photo.shape[1], prepared.photo.shape[0])


@FORK
def test_a_run_goes_on_after_a_step_and_asks_for_less(lent, spaces):
    config = DPIConfig(steps=200)
    prepared = lent.prepare(PHOTO, aligned=True)
    first = next(iter(lent.restore_steps(prepared, replace(config, steps=4))))
    (*steps, _) = lent.restore_steps(prepared, replace(config, steps=4), after=first.event)
    assert [step.event.index for step in steps] == [1, 2, 3]
    assert seconds_needed(request(steps=3)) <= seconds_needed(request(steps=4))


@FORK
def test_stop_ends_the_run_there_and_keeps_the_estimate(lent):
    config = replace(CONFIG, steps=200)
    (*steps, done) = lent.restore_steps(PHOTO, config, stop=lambda: True)
    assert isinstance(done, Restoration)
    assert not done.complete
    assert len(steps) < 100
    assert done.results[0].settings["steps_done"] == len(steps)


@FORK
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": (-1,)}, "seed is -1; allowed"),
        ({"background": 9}, "background is 9; allowed"),
        ({"face": 7}, "face is 7"),
        ({"scale": 5}, "scale is 5; allowed"),
    ],
)
def test_what_is_wrong_is_said_as_it_would_be_here(lent, options, message):
    with pytest.raises(ValueError, match=message):
        list(lent.restore_steps(PHOTO, CONFIG, **options))


def test_what_zerogpu_refuses_is_a_message(lent, spaces):
    spaces.error = "You have exceeded your GPU quota."
    with pytest.raises(ValueError, match=r"ZeroGPU: You have exceeded your GPU quota\. Try again later"):
        list(lent.restore_steps(PHOTO, CONFIG))


@FORK
def test_a_crash_there_is_a_message(lent, monkeypatch):
    monkeypatch.setattr(Restorer, "run_steps", lambda *args, **options: 1 / 0)
    with pytest.raises(ValueError, match="ZeroGPU: ZeroDivisionError"):
        list(lent.restore_steps(PHOTO, CONFIG))


@FORK
def test_a_run_that_ends_early_is_a_message(lent, monkeypatch):
    monkeypatch.setattr(Restorer, "run_steps", lambda *args, **options: iter(()))
    with pytest.raises(ValueError, match="before it was done"):
        list(lent.restore_steps(PHOTO, CONFIG))


@FORK
def test_models_loaded_late_are_loaded_where_the_gpu_is(spaces, analytic_restorer):
    made = []
    thread = threading.Thread(target=lambda: made.append(restorer_class()()))
    thread.start()
    thread.join()
    (late,) = made
    assert late.device.type == "cpu"
    assert late._load_there == ("embedded", "auto", {})
    done = late.restore(PHOTO, CONFIG)
    here = analytic_restorer.restore(PHOTO, CONFIG)
    assert np.array_equal(np.asarray(done.results[0].image), np.asarray(here.results[0].image))
    assert late._load_there is not None, "only the other process holds them"


@FORK
def test_the_page_runs_on_it(spaces):
    from dpi_core.web.ab_run import run_ab
    from dpi_core.web.live import ViewOutcome
    from dpi_core.web.restore_run import Outcome, run
    from dpi_core.web.stage_data import Making

    engine, session, photo = Engine(EngineSettings()), Session(), str(PHOTO)
    values = {"steps": 4, "tau": 400}
    request = Request().replaced({"config": values, "scale": 8})
    restored = list(run(engine, session, Making(photo, request)))
    assert isinstance(restored[-1], Outcome)
    other = list(run_ab(engine, session, photo, request, request.replaced({"config": {"tau": 0}})))
    assert isinstance(other[-1], ViewOutcome)
    assert len(spaces.durations) == 3
    session.clean()


@FORK
def test_the_warm_up_asks_for_no_gpu(spaces, monkeypatch):
    monkeypatch.setattr("dpi_core.faces.fetch_in_background", lambda: None)
    Engine(EngineSettings())._load_everything()
    assert spaces.durations == []


def test_the_app_loads_the_models_before_the_launch_in_the_main_thread(spaces, monkeypatch):
    import app

    seen = []

    def launch(page, **options):
        seen.append(app_engine._held.get("embedded"))

    class Watched(Engine):
        def __init__(self, settings):
            nonlocal app_engine
            super().__init__(settings)
            app_engine = self

    app_engine = None
    monkeypatch.setattr(app, "Engine", Watched)
    monkeypatch.setattr(gr.Blocks, "launch", launch)
    monkeypatch.setattr(gr.Blocks, "block_thread", lambda page: None)
    monkeypatch.setattr(Engine, "warm_up", lambda engine: None)
    app.main([])
    assert seen[0] is not None
    assert seen[0]._load_there is None
