import pytest

from dpi_core.evaluation.streaming import TimedEngine, restoration, share
from dpi_core.web.engine import EngineSettings


@pytest.fixture(scope="module")
def engine():
    return TimedEngine(EngineSettings(device="cpu"))


def test_what_showing_costs_is_a_share_of_the_run(engine):
    assert 0 < share(engine, lambda: restoration(engine, steps=2)) < 1
    assert engine.timed.steps == 2
    begins = [begin for begin, _ in engine.timed.spans]
    assert begins == sorted(begins)


def test_a_run_that_shows_no_step_is_told(engine):
    with pytest.raises(RuntimeError, match="showed no step"):
        share(engine, lambda: iter(["a message"]))
