"""Estimates that agree with the low-resolution face: at the end, below a timestep, as far as its noise lets them."""

from itertools import pairwise

import pytest
import torch
from formulas import random_condition

from dpi_core import DPIConfig, sample_steps
from dpi_core.imaging.degradation import downscale
from dpi_core.measure.metrics import lr_consistency
from dpi_core.method.consistency import agreed, project
from dpi_core.method.diffusion import eps_from_x0, predict_x0, step_coefficients
from dpi_core.method.reduction import Reduction
from dpi_core.method.resampling import dense_condition, resize


def test_projecting_changes_the_result_alone_and_makes_it_consistent(analytic_prior):
    low_res = downscale(random_condition(), 4)
    condition = dense_condition(low_res, 32, 32)
    plain = list(sample_steps(analytic_prior, condition, DPIConfig(steps=5), seeds=[1, 2], low_res=low_res))
    exact = list(
        sample_steps(analytic_prior, condition, DPIConfig(steps=5, project=True), seeds=[1, 2], low_res=low_res)
    )
    for a, b in zip(plain[:-1], exact[:-1], strict=True):
        assert torch.equal(a.x0, b.x0)
        assert torch.equal(a.x_t, b.x_t)
    assert torch.equal(exact[-1].x0, project(plain[-1].x0, low_res))
    assert lr_consistency(exact[-1].x0, low_res) > 50 > lr_consistency(plain[-1].x0, low_res)


@pytest.mark.parametrize("wish", [{"project": True}, {"consistent_below": 350}])
def test_agreeing_needs_the_low_resolution_face(analytic_prior, wish):
    with pytest.raises(ValueError, match=rf"{next(iter(wish))} is .*low_res"):
        sample_steps(analytic_prior, random_condition(), DPIConfig(**wish))


def brighter(noisy, t, grid):
    return grid + 0.1


def agreements(prior, corrector=brighter, **wish):
    """How far, in dB, each step's estimate agrees with the input and with what the corrector `brighter` makes of it."""
    low_res = downscale(random_condition(), 4)
    condition = dense_condition(low_res, 32, 32)

    run = sample_steps(prior, condition, DPIConfig(**wish), corrector=corrector, seeds=[1, 2], low_res=low_res)
    corrected = resize((condition + 0.1).clamp(-1, 1), 8, 8)
    return [(e.t, lr_consistency(e.x0, low_res), lr_consistency(e.x0, corrected)) for e in run]


@pytest.mark.parametrize("below", [0, 300, 1000])
def test_estimates_agree_with_the_input_below_a_timestep(analytic_prior, below):
    for t, agreement, _ in agreements(analytic_prior, consistent_below=below):
        assert (agreement > 45) == (t < below)


def test_they_can_agree_with_what_the_corrector_makes_of_it(analytic_prior):
    for _, agreement, corrected in agreements(analytic_prior, consistent_below=1000, correct_input=True):
        assert agreement < 35 < 45 < corrected


@pytest.mark.parametrize("off", [{"correct": False}, {"corrector": None}])
@pytest.mark.parametrize("wish", [{"consistent_below": 1000}, {"project": True}])
def test_without_a_corrector_the_input_itself_is_agreed_with(analytic_prior, off, wish):
    with_it = agreements(analytic_prior, correct_input=True, **wish, **off)
    assert with_it == agreements(analytic_prior, correct_input=False, **wish, **off)
    assert with_it[-1][1] > 45


def test_a_noisy_input_is_followed_less_the_cleaner_the_estimate(analytic_prior):
    low_res, estimate = downscale(random_condition(), 4), random_condition().flip(3)
    reduction = Reduction.between(estimate, low_res)
    steps = [step_coefficients(analytic_prior.alpha_bar, t, t - 50, 0.0) for t in (950, 500, 300, 50)]
    found = [lr_consistency(agreed(estimate, low_res, reduction, 8.0, step), low_res) for step in steps]
    assert found == sorted(found, reverse=True)
    exact, noisy = (agreements(analytic_prior, consistent_below=1000, noise_level=level)[-1][1] for level in (0.0, 8.0))
    assert noisy < exact


def test_the_noise_of_a_step_stays_the_priors_where_the_estimate_is_made_to_agree(analytic_prior):
    low_res = downscale(random_condition(), 4)
    condition = dense_condition(low_res, 32, 32)
    config = DPIConfig(tau=1000, edge_exponent=10, omega=1e6, consistent_below=1000)  # nothing is tied to the condition
    events = list(sample_steps(analytic_prior, condition, config, seeds=[1], low_res=low_res))
    for before, event in pairwise(events[:-1]):
        c = step_coefficients(analytic_prior.alpha_bar, event.t, events[event.index + 1].t, 0.0)
        eps = analytic_prior.predict_eps(before.x_t, torch.tensor([event.t]))
        own = eps_from_x0(before.x_t, predict_x0(before.x_t, eps, c), c)
        free = ~event.mask.expand_as(event.x_t)
        assert torch.allclose(event.x_t[free], (c.a * event.x0 + c.b * own)[free], atol=1e-5)
