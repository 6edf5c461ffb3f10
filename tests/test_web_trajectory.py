from dataclasses import replace

import pytest

from dpi_core.method.config import DPIConfig
from dpi_core.web.trajectory import Source, Trajectory

SOURCE = Source("photo.png", "Simulate x4", True, 0, 7)


@pytest.mark.parametrize(
    ("kept", "source", "values", "shared"),
    [
        (20, {}, {}, 19),  # the last step only ends a run
        (20, {}, {"tau": 50}, 12),
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
