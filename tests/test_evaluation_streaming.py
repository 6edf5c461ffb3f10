import pytest

from dpi_core.evaluation.streaming import TimedEngine, share, views
from dpi_core.web.engine import EngineSettings


@pytest.fixture(scope="module")
def engine():
    return TimedEngine(EngineSettings(device="cpu"))


def test_every_view_is_measured(engine):
    chosen = views(engine, steps=2)
    assert list(chosen) == ["restore", "compare", "explore", "ab"]
    for start in chosen.values():
        assert 0 < share(engine, start) < 1
    assert engine.timed.steps == 4  # the last: both sides of A and B on one clock
    begins = [begin for begin, _ in engine.timed.spans]
    assert begins == sorted(begins)


def test_a_run_that_shows_no_step_is_told(engine):
    with pytest.raises(RuntimeError, match="showed no step"):
        share(engine, lambda: iter(["a message"]))
