from dataclasses import replace

import pytest
import torch
from conftest import EXAMPLES

from dpi_core.method.config import DPIConfig
from dpi_core.method.sampler import StepEvent
from dpi_core.restore.request import Request
from dpi_core.show.film import frame_of
from dpi_core.web.engine import Engine, EngineSettings
from dpi_core.web.restore_run import run
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making
from dpi_core.web.trajectory import MAX_BYTES, MAX_EVENTS, Source, Trajectory, bytes_of

SOURCE = Source("photo.png", 4, True, 0, 7)


@pytest.mark.parametrize(
    ("kept", "source", "values", "shared"),
    [
        (20, {}, {}, 19),  # the last step only ends a run
        (20, {}, {"tau": 50}, 12),
        (20, {}, {"tau": 360}, 19),  # no step lies between
        (20, {}, {"omega": 500.0}, 12),  # FCM knows omega as little as tau
        (20, {}, {"project": True}, 19),
        (5, {}, {"tau": 50}, 5),  # it was stopped there
        (0, {}, {}, 0),
        (20, {}, {"eta": 1.0}, 0),
        (20, {"seed": 8}, {}, 0),
        (20, {"face": 1}, {}, 0),
    ],
)
def test_a_kept_run_is_gone_on_from_as_far_as_it_is_the_same(kept, source, values, shared):
    trajectory = Trajectory(SOURCE, DPIConfig(), events=[object()] * kept)
    assert trajectory.shared(replace(SOURCE, **source), DPIConfig().replaced(values)) == shared


@pytest.mark.parametrize(("side", "total"), [(64, 250), (128, 100), (256, 60), (512, 20)])
def test_the_first_steps_of_a_run_are_kept_in_so_many_bytes(side, total):
    picture = torch.zeros(1, 3, side, side)
    mask, condition = torch.zeros(1, 1, side, side, dtype=torch.bool), torch.zeros(1, 3, side // 2, side // 2)
    kept = Trajectory(SOURCE, DPIConfig(steps=total))
    for index in range(total):
        event = StepEvent(index, total, 0, "FCM", picture, picture, mask, condition)
        kept.add(event, frame_of(event, picture, None) if index == 0 else kept.frames[0])
    size = bytes_of(kept.events[0], kept.frames[0])
    assert size > sum(array.nbytes for array in (picture, picture, mask, condition))
    assert len(kept.events) * size <= MAX_BYTES
    assert [event.index for event in kept.events] == list(range(min(total, MAX_EVENTS, MAX_BYTES // size)))
    assert kept.shared(SOURCE, replace(kept.config, tau=0)) <= len(kept.events)


def test_what_a_restoration_goes_on_from_changes_no_picture():
    engine, session, first = Engine(EngineSettings(device="cpu")), Session(), {"steps": 5, "tau": 300, "eta": 1.0}

    def making(values):
        asked = {"config": values, "scale": 4, "aligned": True, "seeds": [7]}
        return Making(str(EXAMPLES / "astronaut-tiny.png"), Request().replaced(asked))

    list(run(engine, session, making(first)))
    for values, shared in (({"project": True}, 4), ({"omega": 500.0, "edge_exponent": 1.0}, 3)):
        *_, outcome = run(engine, session, making(first | values))
        *_, alone = run(engine, Session(), making(first | values))
        assert f"{shared} of 5 steps were those of the run before" in outcome.stage["line"]
        assert outcome.stage["pieces"][0]["pictures"]["result"] == alone.stage["pieces"][0]["pictures"]["result"]
    session.clean()
