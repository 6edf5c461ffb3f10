"""The whole way at 256x256 with random weights of the FFHQ prior's architecture, a quarter as wide: Python, shell, page."""

import json

import numpy as np
import pytest
from hub_server import CHECKPOINT, serving_ffhq
from PIL import Image

from dpi_core import DPIConfig, Restorer
from dpi_core.__main__ import main
from dpi_core.restore.request import Request
from dpi_core.web.engine import Engine, EngineSettings
from dpi_core.web.restore_run import Outcome, run
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making, decoded
from dpi_core.weights.cache import Entry

CONFIG = DPIConfig(steps=2, tau=400)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serving_ffhq(monkeypatch, tmp_path) as hub:
        yield hub


def making(engine, photo):
    asked = {"prior": engine.settings.prior, "config": CONFIG, "scale": 8}
    return Making(str(photo), Request().replaced(asked))


def restoration(engine, photo):
    return list(run(engine, Session(), making(engine, photo)))


def test_from_python(monkeypatch, tmp_path, astronaut):
    monkeypatch.setenv("DPI_CORE_CACHE", str(tmp_path))
    restorer = Restorer(str(CHECKPOINT), "cpu")
    done = restorer.restore(astronaut, CONFIG, seeds=(0, 1), scale=8, detector="embedded")
    for result in done.results:
        image = np.asarray(result.image)
        assert image.shape == (256, 256, 3)
        assert np.isfinite(result.measured["psnr"])
    assert done.results[0].job.condition.shape == (1, 3, 256, 256)
    assert done.photo.size == Image.open(astronaut).size


def test_from_the_shell(monkeypatch, tmp_path, astronaut, capsys):
    monkeypatch.setenv("DPI_CORE_CACHE", str(tmp_path))
    argv = ["restore", str(astronaut), "-o", str(tmp_path / "out"), "--prior", str(CHECKPOINT), "--json"]
    assert main([*argv, "--steps", "2", "--device", "cpu", "--detector", "embedded"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert Image.open(files[0]).size == (256, 256)


def test_from_the_page_with_the_way_shown(hub, astronaut, monkeypatch):
    monkeypatch.setattr("dpi_core.faces.detect.offline", lambda: True)
    engine = Engine(EngineSettings("ffhq-256", device="cpu"))
    *shown, outcome = restoration(engine, astronaut)
    assert isinstance(outcome, Outcome), shown[-1]
    assert any("Downloading diffusion_ffhq_10m.pt" in item["line"] for item in shown)
    assert any("Converting ffhq-256" in item["line"] for item in shown)
    assert decoded(outcome.stage["pieces"][0]["pictures"]["result"]).size == (256, 256)
    *again, _ = restoration(engine, astronaut)
    assert not any("ffhq" in item["line"] for item in again)


def test_a_failure_on_the_page_is_a_message_and_the_next_try_heals(hub, astronaut, monkeypatch):
    monkeypatch.setattr("dpi_core.faces.detect.offline", lambda: True)
    hub.get_faults = [("cut", 100_000), 503]
    engine = Engine(EngineSettings("ffhq-256", device="cpu"))
    shown = restoration(engine, astronaut)
    assert shown[-1]["state"] == "failed"
    assert "could not be downloaded" in shown[-1]["line"]
    assert "Traceback" not in shown[-1]["line"]
    assert any("Downloading diffusion_ffhq_10m.pt" in item["line"] for item in shown)
    assert not Entry("ffhq-256").folder.exists()
    *_, outcome = restoration(engine, astronaut)
    assert isinstance(outcome, Outcome)


def test_an_unknown_prior_on_the_page_is_a_message(astronaut):
    shown = restoration(Engine(EngineSettings("nope", device="cpu")), astronaut)
    assert "prior is 'nope'; allowed is" in shown[-1]["line"]


def test_stop_ends_the_way_and_lets_the_next_one_in(hub, astronaut, monkeypatch):
    engine, session = Engine(EngineSettings("ffhq-256", device="cpu")), Session()
    steps = run(engine, session, making(engine, astronaut))
    while "Downloading" not in next(steps)["line"]:
        pass
    session.stopped = True
    assert "Stopped before the models were loaded." in list(steps)[-1]["line"]
    assert list(engine.loading())[-1] == "Converting ffhq-256 .."  # the next one finds the lock free
