"""A run goes on after any of its events, with its own settings, another tau or other seeds."""

import pytest
import torch
from formulas import analytic_corrector, random_condition

from dpi_core import DPIConfig, sample, sample_steps
from dpi_core.imaging.degradation import downscale
from dpi_core.method.resampling import dense_condition


@pytest.mark.parametrize(
    "config",
    [
        DPIConfig(steps=8, tau=400, eta=0.7),
        DPIConfig(steps=8, tau=1000, sparsity=3),
        DPIConfig(steps=8, correct_every=3),
    ],
)
def test_a_run_goes_on_after_any_event_as_if_it_had_not_stopped(analytic_prior, config):
    whole = list(sample_steps(analytic_prior, random_condition(2), config, corrector=analytic_corrector, seeds=[3, 4]))
    for event in whole[:-1]:
        rest = list(
            sample_steps(
                analytic_prior, random_condition(2), config, corrector=analytic_corrector, seeds=[3, 4], after=event
            )
        )
        assert [e.index for e in rest] == list(range(event.index + 1, 8))
        for a, b in zip(rest, whole[event.index + 1 :], strict=True):
            assert torch.equal(a.x_t, b.x_t)
            assert torch.equal(a.condition, b.condition)
            assert torch.equal(a.mask, b.mask)


def test_fcm_does_not_know_tau(analytic_prior):
    # a run to tau = 500 serves every tau below: from its last FCM event on, another tau gives that tau's own run
    first = list(sample_steps(analytic_prior, random_condition(), DPIConfig(tau=500), seeds=[3]))
    for tau in (0, 100, 450, 500):
        shared = [event for event in first if event.stage == "FCM"][-1]
        rest = list(sample_steps(analytic_prior, random_condition(), DPIConfig(tau=tau), seeds=[3], after=shared))
        assert torch.equal(rest[-1].x0, sample(analytic_prior, random_condition(), DPIConfig(tau=tau), seeds=[3]))


def test_other_seeds_branch_off_one_event(analytic_prior):
    config = DPIConfig(steps=8, tau=600, eta=1.0)
    stem = list(sample_steps(analytic_prior, random_condition(), config, seeds=[3]))
    branches = list(sample_steps(analytic_prior, random_condition(), config, seeds=[3, 5, 6], after=stem[4]))
    assert torch.allclose(branches[-1].x0[0], stem[-1].x0[0], atol=1e-5)
    assert branches[-1].x0.std(dim=0).max() > 0.01
    from_noise = sample(analytic_prior, random_condition(), config, seeds=[3, 5, 6])
    assert branches[-1].x0.std(dim=0).mean() < from_noise.std(dim=0).mean()  # late branches differ less


def test_an_event_that_does_not_fit_is_named(analytic_prior):
    events = list(sample_steps(analytic_prior, random_condition(), DPIConfig(), seeds=[3]))
    for event, config, seeds in (
        (events[3], DPIConfig(steps=10), [3]),
        (events[3], DPIConfig(sparsity=4), [3]),
        (events[3], DPIConfig(spacing=2), [3]),
        (events[-1], DPIConfig(), [3]),
    ):
        with pytest.raises(ValueError, match="after is step"):
            sample_steps(analytic_prior, random_condition(), config, seeds=seeds, after=event)
    pair = next(sample_steps(analytic_prior, random_condition(), DPIConfig(), seeds=[3, 4]))
    with pytest.raises(ValueError, match="with 1 or 3 samples"):
        sample_steps(analytic_prior, random_condition(), DPIConfig(), seeds=[1, 2, 3], after=pair)


def test_a_run_that_agrees_goes_on_as_if_it_had_not_stopped(analytic_prior):
    low_res = downscale(random_condition(), 4)
    config = DPIConfig(steps=6, consistent_below=1000, correct_input=True)
    wanted = {"corrector": analytic_corrector, "seeds": [4], "low_res": low_res}
    events = list(sample_steps(analytic_prior, dense_condition(low_res, 32, 32), config, **wanted))
    rest = list(sample_steps(analytic_prior, dense_condition(low_res, 32, 32), config, **wanted, after=events[2]))
    assert torch.equal(rest[-1].x0, events[-1].x0)
