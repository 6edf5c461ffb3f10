from itertools import pairwise

import pytest
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from dpi_core.method.timesteps import stage_of, timestep_pairs


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 20, 33, 250, 999, 1000])
def test_a_run_visits_that_many_timesteps_and_ends_clean(steps):
    pairs = timestep_pairs(steps)
    assert len(pairs) == steps
    assert pairs[-1] == (0, -1)
    assert all(t > t_prev for t, t_prev in pairs)
    assert [t_prev for _, t_prev in pairs[:-1]] == [t for t, _ in pairs[1:]]


@pytest.mark.parametrize("steps", [10, 20, 50, 100, 250])
def test_spacing_is_ddims_where_the_steps_divide_the_schedule(steps):
    scheduler = DDIMScheduler(num_train_timesteps=1000, steps_offset=0)
    scheduler.set_timesteps(steps)
    assert [t for t, _ in timestep_pairs(steps)] == scheduler.timesteps.tolist()


@pytest.mark.parametrize("spacing", [1, 1.5, 2, 4])
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 20, 33, 250, 999, 1000])
def test_any_spacing_visits_each_timestep_once_and_ends_clean(steps, spacing):
    ts = [t for t, _ in timestep_pairs(steps, spacing=spacing)]
    assert len(ts) == steps
    assert ts[-1] == 0
    assert ts[0] < 1000
    assert all(t > t_next for t, t_next in pairwise(ts))


def test_quadratic_spacing_takes_shorter_steps_the_cleaner_the_sample():
    ts = [t for t, _ in timestep_pairs(20, spacing=2)]
    assert ts == [1000 * i * i // 400 for i in reversed(range(20))]
    lengths = [t - t_next for t, t_next in pairwise(ts)]
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize("steps", [0, -1, 1001])
def test_impossible_step_counts_say_what_is_allowed(steps):
    with pytest.raises(ValueError, match=f"steps is {steps}; allowed is 1 to 1000"):
        timestep_pairs(steps)


@pytest.mark.parametrize(
    ("t", "t_prev", "tau", "stage"),
    [
        (400, 350, 350, "FCM"),
        (350, 300, 350, "RACM"),
        (0, -1, 350, "final"),
        (50, 0, 0, "FCM"),
        (999, 998, 1000, "RACM"),
    ],
)
def test_tau_splits_the_stages(t, t_prev, tau, stage):
    assert stage_of(t, t_prev, tau) == stage
