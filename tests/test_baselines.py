"""What holds for every method: one event a call, batch equals single, results in range and faithful to the input."""

import pytest
import torch
from formulas import analytic_corrector

from dpi_core.baselines import NAMES
from dpi_core.baselines.by_name import METHODS, method_steps
from dpi_core.baselines.daps import langevin
from dpi_core.baselines.problem import Problem, repeats_within
from dpi_core.method.config import DPIConfig
from dpi_core.method.resampling import dense_condition, resize
from dpi_core.method.sampler import sample_steps

ONE_LOOK = {"bicubic", "corrector"}
EXACT = {"ddnm", "ddnm+", "ddrm"}  # reduce to the input exactly, as far as nothing is clipped
EVERY = pytest.mark.parametrize("name", METHODS)


def problem(prior, seeds=(3,), count=1, **options):
    low_res = torch.rand((count, 3, 8, 8), generator=torch.Generator().manual_seed(1)) - 0.5
    return Problem(prior, dense_condition(low_res, 32, 32), low_res, seeds, corrector=analytic_corrector, **options)


def result(name, *args, steps=20, **options):
    return [*METHODS[name](problem(*args, **options), steps)][-1].x0


@EVERY
def test_there_is_an_event_for_every_call_of_the_prior(name, analytic_prior):
    events = list(METHODS[name](problem(analytic_prior, seeds=(1, 2)), 20))
    expected = 0 if name in ONE_LOOK else 20
    assert analytic_prior.calls == [2] * expected
    assert [event.index for event in events] == list(range(max(expected, 1)))
    assert {event.total for event in events} == {max(expected, 1)}
    assert [event.stage for event in events] == ["guided"] * (len(events) - 1) + ["final"]
    assert all(event.x0.shape == event.x_t.shape == (2, 3, 32, 32) for event in events)
    assert all(event.x0.abs().max() <= 1 and torch.isfinite(event.x_t).all() for event in events)


@EVERY
def test_a_seed_gives_the_same_alone_and_in_a_batch(name, analytic_prior):
    alone = [result(name, analytic_prior, (seed,), noise_level=4.0) for seed in (5, 8)]
    together = result(name, analytic_prior, (5, 8), noise_level=4.0)
    assert torch.allclose(together, torch.cat(alone), atol=1e-4)
    if name not in ONE_LOOK:
        assert not torch.allclose(together[0], together[1], atol=0.01)


@EVERY
def test_each_face_of_a_batch_is_restored_by_itself(name, analytic_prior):
    both = problem(analytic_prior, (5, 8), count=2)
    second = Problem(analytic_prior, both.condition[1:], both.low_res[1:], (8,), corrector=analytic_corrector)
    one, two = ([*METHODS[name](each, 10)][-1].x0 for each in (both, second))
    assert torch.allclose(one[1:], two, atol=1e-4)


@EVERY
def test_the_result_agrees_with_the_input(name, analytic_prior):
    given = problem(analytic_prior)
    found = [*METHODS[name](given, 100)][-1].x0
    misfit = (resize(found, 8, 8) - given.low_res).square().mean().sqrt()
    assert misfit < (1e-3 if name in EXACT else 0.9 * given.low_res.std())  # masking holds a quarter of the pixels only


@pytest.mark.parametrize("name", ["ddnm+", "ddrm", "diffpir"])
def test_noise_in_the_input_is_followed_less(name, analytic_prior):
    given = problem(analytic_prior)
    misfits = []
    for noise in (0.0, 60.0):
        found = result(name, analytic_prior, noise_level=noise)
        misfits.append((resize(found, 8, 8) - given.low_res).square().mean().sqrt())
    assert misfits[1] > 1.3 * misfits[0]


def test_masking_keeps_the_grid(analytic_prior):
    given = problem(analytic_prior)
    events = list(METHODS["repaint"](given, 20))
    assert torch.equal(events[-1].x0[..., ::2, ::2], given.condition[..., ::2, ::2])
    assert all(float(event.mask.float().mean()) == 0.25 for event in events[:-1])


def test_the_corrector_is_asked_once_for_every_shifted_grid(analytic_prior):
    asked = []

    def corrector(noisy, t, grid):
        asked.append(grid.shape)
        assert (t == 999).all()
        return grid + 0.25

    given = problem(analytic_prior)
    (event,) = METHODS["corrector"](Problem(analytic_prior, given.condition, given.low_res, (0,), corrector=corrector))
    assert asked == [(1, 3, 16, 16)] * 4
    assert torch.allclose(event.x0, (given.condition + 0.25).clamp(-1, 1))


def test_what_cannot_be_done_is_named(analytic_prior):
    low_res = torch.zeros(2, 3, 8, 8)
    condition = torch.zeros(2, 3, 32, 32)
    with pytest.raises(ValueError, match="3 seeds for 2 conditions"):
        Problem(analytic_prior, condition, low_res, (0, 1, 2))
    with pytest.raises(ValueError, match="steps is 1001"):
        list(METHODS["ddnm"](Problem(analytic_prior, condition, low_res, (0, 1)), 1001))
    with pytest.raises(ValueError, match="no corrector is given"):
        list(METHODS["corrector"](Problem(analytic_prior, condition, low_res, (0, 1))))
    with pytest.raises(ValueError, match="low_res has shape"):
        list(METHODS["ddnm"](Problem(analytic_prior, low_res, condition, (0, 1)), 2))


def test_repeats_leave_ten_timesteps():
    assert [repeats_within(calls, 10) for calls in (1, 10, 20, 55, 100, 2500)] == [1, 1, 2, 5, 10, 10]


def test_langevin_in_closed_form_is_langevin_step_by_step():
    certainty, sigma, h, steps = torch.tensor([0.0, 3.0, 40.0], dtype=torch.float64), 0.5, 1e-3, 7
    share, spread = langevin(certainty, sigma, h, steps)
    mean, variance = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for _ in range(steps):  # the mean and the variance of x - x^ for y - x^ = 1
        mean = mean - h * (mean / sigma**2 + certainty**2 * (mean - 1))
        variance = variance * (1 - h * (1 / sigma**2 + certainty**2)) ** 2 + 2 * h
    assert torch.allclose(share, mean)
    assert torch.allclose(spread.square(), variance)


def test_a_method_is_chosen_by_name_and_dpi_is_one(analytic_prior):
    assert ("dpi", *METHODS) == NAMES
    given, config = problem(analytic_prior), DPIConfig(steps=5, noise_level=6.0)
    faces = {"condition": given.condition, "config": config, "seeds": [3], "low_res": given.low_res}
    ours = list(sample_steps(analytic_prior, **faces))
    assert torch.equal(list(method_steps("dpi", analytic_prior, **faces))[-1].x0, ours[-1].x0)
    found = list(method_steps("ddrm", analytic_prior, **faces))
    assert torch.equal(found[-1].x0, result("ddrm", analytic_prior, steps=5, noise_level=6.0))
    spaced = method_steps("ddnm", analytic_prior, **faces | {"config": DPIConfig(steps=5, spacing=2)})
    assert [event.t for event in spaced] == [640, 360, 160, 40, 0]
    with pytest.raises(ValueError, match="method is 'ddpg'; allowed is dpi, bicubic"):
        method_steps("ddpg", analytic_prior, **faces)
    with pytest.raises(ValueError, match="cannot go on after a step"):
        method_steps("ddnm", analytic_prior, **faces, after=ours[1])
    with pytest.raises(ValueError, match="low_res"):
        method_steps("ddnm", analytic_prior, given.condition, config)
