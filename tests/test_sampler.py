from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import DATA
from formulas import analytic_corrector, random_condition

from dpi_core import DPIConfig, sample, sample_steps
from dpi_core.method.condition_stages import racm
from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.method.masks import on_grid

GOLDEN = [
    ("ddim_seed7_n32_eta0.0", 7, DPIConfig(), 1),
    ("ddim_seed8_n32_eta0.85", 8, DPIConfig(eta=0.85), 1),
    ("ddpm_seed9_n32_eta0.0", 9, DPIConfig.ddpm(), 50),
]


@pytest.mark.parametrize(("name", "seed", "config", "every"), GOLDEN)
def test_reproduces_the_reference_run(analytic_prior, name, seed, config, every):
    golden = np.load(DATA / f"{name}.npz")
    dense = torch.from_numpy(golden["cond"])[None].repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    events = list(sample_steps(analytic_prior, dense, config, corrector=analytic_corrector, seeds=[seed]))
    # stored are the steps 0, every, 2 every ..
    for field, stored in (("x_t", "samples"), ("x0", "x0"), ("condition", "conditions")):
        ours = np.stack([getattr(event, field)[0].numpy() for event in events[::every]])
        assert np.abs(ours - golden[stored]).max() < 1e-4, field
    assert np.abs(events[-1].x0[0].numpy() - golden["final"]).max() < 1e-4


@pytest.mark.parametrize("config", [DPIConfig(), DPIConfig(eta=1.0, sparsity=4), DPIConfig(raw_eps=True, steps=7)])
def test_batch_equals_single(analytic_prior, config):
    condition = random_condition(3)
    seeds = [5, 0, 2**40]
    together = sample(analytic_prior, condition, config, corrector=analytic_corrector, seeds=seeds)
    for i, seed in enumerate(seeds):
        alone = sample(analytic_prior, condition[i : i + 1], config, corrector=analytic_corrector, seeds=[seed])
        assert torch.allclose(together[i : i + 1], alone, atol=1e-5)


def test_one_condition_is_shared_by_all_seeds(analytic_prior):
    condition = random_condition()
    shared = sample(analytic_prior, condition, DPIConfig(), seeds=[1, 2])
    assert torch.equal(shared, sample(analytic_prior, condition.repeat(2, 1, 1, 1), DPIConfig(), seeds=[1, 2]))
    assert not torch.allclose(shared[0], shared[1], atol=1e-3)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("steps", [1, 2, 3, 13])
def test_any_sparsity_and_step_count(analytic_prior, k, steps):
    config = DPIConfig(steps=steps, sparsity=k)
    events = list(sample_steps(analytic_prior, random_condition(), config, corrector=analytic_corrector))
    grid = -(-32 // k)
    assert [event.index for event in events] == list(range(steps))
    assert events[-1].stage == "final"
    for event in events:
        assert event.total == steps
        assert event.x_t.shape == event.x0.shape == (1, 3, 32, 32)
        assert event.condition.shape == (1, 3, grid, grid)
        assert event.mask.shape == (1, 1, 32, 32)
        assert event.mask.dtype == torch.bool
        assert event.x0.abs().max() <= 1


def test_a_thousand_steps_call_the_prior_a_thousand_times(analytic_prior):
    sample(analytic_prior, random_condition(size=16), DPIConfig.ddpm())
    assert len(analytic_prior.calls) == 1000


@pytest.mark.parametrize(("tau", "stages"), [(0, {"FCM"}), (1000, {"RACM"}), (350, {"FCM", "RACM"})])
def test_tau_splits_the_stages(analytic_prior, tau, stages):
    events = list(sample_steps(analytic_prior, random_condition(), DPIConfig(tau=tau)))
    assert {event.stage for event in events[:-1]} == stages
    for event in events[:-1]:
        assert (event.stage == "FCM") == (event.t > tau)
        whole_grid = torch.equal(on_grid(event.mask, 2), torch.ones(1, 1, 16, 16, dtype=torch.bool))
        assert whole_grid if event.stage == "FCM" else not whole_grid
        assert event.mask.sum() <= 16 * 16


@pytest.mark.parametrize("omega", [1.0, 250.0, 1500.0])
def test_the_condition_never_weighs_more_than_all(analytic_prior, monkeypatch, omega):
    given = []
    monkeypatch.setattr("dpi_core.method.sampler.racm", lambda *asked: given.append(asked[3]) or racm(*asked))
    config = DPIConfig(tau=1000, omega=omega)
    events = list(sample_steps(analytic_prior, random_condition(), config, corrector=analytic_corrector))
    assert given == [min(1.0, event.t / omega) for event in events[:-1]]
    assert all(event.x_t.abs().max() < 8 for event in events), "noise of deviation 1 and a picture in [-1, 1]"


def test_events_do_not_change_after_they_were_given(analytic_prior):
    events, copies = [], []
    for event in sample_steps(analytic_prior, random_condition(), DPIConfig(), corrector=analytic_corrector):
        events.append(event)
        copies.append((event.x_t.clone(), event.x0.clone(), event.mask.clone(), event.condition.clone()))
    for event, (x_t, x0, mask, condition) in zip(events, copies, strict=True):
        assert torch.equal(event.x_t, x_t)
        assert torch.equal(event.x0, x0)
        assert torch.equal(event.mask, mask)
        assert torch.equal(event.condition, condition)


def test_the_condition_given_is_left_as_it_was(analytic_prior):
    condition = random_condition()
    before = condition.clone()
    sample(analytic_prior, condition, DPIConfig(), corrector=analytic_corrector)
    assert torch.equal(condition, before)


def test_without_correction_the_corrector_is_not_called(analytic_prior):
    def refuse(*_):
        raise AssertionError("called")

    sample(analytic_prior, random_condition(), DPIConfig(correct=False), corrector=refuse)


@pytest.mark.parametrize(
    ("every", "tau", "asked"),
    [
        (1, 350, [900, 800, 700, 600, 500, 400, 300, 200, 100]),
        (2, 350, [900, 700, 500, 300, 100]),
        (4, 350, [900, 500, 300]),  # the first RACM step, at 300, is asked whatever came before
        (1000, 350, [900, 300]),
        (4, 0, [900, 500, 100]),
        (4, 1000, [900, 500, 100]),
    ],
)
def test_the_corrector_is_asked_every_so_many_steps_and_its_answer_kept(analytic_prior, every, tau, asked):
    seen = []

    def corrector(noisy_grid, t, condition_grid):
        seen.append(int(t[0]))
        return analytic_corrector(noisy_grid, t, condition_grid)

    config = DPIConfig(steps=10, tau=tau, correct_every=every)
    events = list(sample_steps(analytic_prior, random_condition(), config, corrector=corrector))
    assert seen == asked
    for before, event in pairwise(events):
        assert torch.equal(before.condition, event.condition) == (event.t not in asked)


class DiagonalGaussianPrior:
    """Pixels are independent N(mean, std^2): eps(x, t) = sqrt(1-ab) (x - sqrt(ab) mean) / (ab std^2 + 1 - ab)."""

    image_size = 16

    def __init__(self, mean: float, std: float):
        self.mean, self.std = mean, std
        self.alpha_bar = linear_alpha_bar()

    def predict_eps(self, x_t, t):
        ab = self.alpha_bar[t].to(x_t).view(-1, 1, 1, 1)
        return (1 - ab).sqrt() * (x_t - ab.sqrt() * self.mean) / (ab * self.std**2 + 1 - ab)


def test_a_gaussian_prior_gives_its_known_posterior():
    # With independent pixels the posterior given the grid is: the condition's value on the grid, the prior off it.
    mean, std, k = 0.1, 0.12, 2
    prior = DiagonalGaussianPrior(mean, std)
    condition = torch.full((1, 3, 16, 16), -0.3)
    config = DPIConfig(steps=1000, tau=0, sparsity=k, eta=1.0)
    faces = sample(prior, condition, config, seeds=range(64))
    held = torch.zeros(16, 16, dtype=torch.bool)
    held[::k, ::k] = True
    assert (faces[..., held] + 0.3).abs().max() < 0.1
    assert (faces[..., held] + 0.3).abs().mean() < 0.015
    free = faces[..., ~held]
    standard_error = std / free.numel() ** 0.5
    assert abs(float(free.mean()) - mean) < 5 * standard_error + 0.002
    assert float(free.std()) == pytest.approx(std, rel=0.03)


def test_racm_from_the_start_on_a_flat_condition_is_unconditional_sampling():
    # A flat condition has no edges, so no pixel is ever held: the samples follow the prior alone.
    prior = DiagonalGaussianPrior(-0.2, 0.15)
    faces = sample(prior, torch.zeros(1, 3, 16, 16), DPIConfig(steps=1000, tau=1000, eta=1.0), seeds=range(64))
    assert float(faces.mean()) == pytest.approx(-0.2, abs=0.005)
    assert float(faces.std()) == pytest.approx(0.15, rel=0.03)


@pytest.mark.parametrize(
    ("condition", "seeds", "message"),
    [
        (torch.zeros(3, 32, 32), [0], r"shape \(3, 32, 32\); expected \(B, 3, H, W\)"),
        (torch.zeros(1, 1, 32, 32), [0], r"expected \(B, 3, H, W\)"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), [0], "floats"),
        (torch.zeros(2, 3, 32, 32), [0], "1 seeds for 2 conditions"),
        (torch.zeros(1, 3, 32, 32), [], "0 seeds"),
        (torch.zeros(1, 3, 32, 32), [-1], "seed is -1; allowed"),
        (torch.zeros(1, 3, 32, 32), [1.5], "seed is 1.5; allowed"),
        (torch.zeros(1, 3, 2, 32), [0], "smaller"),
    ],
)
def test_wrong_inputs_are_named_before_the_first_step(analytic_prior, condition, seeds, message):
    with pytest.raises(ValueError, match=message):
        sample_steps(analytic_prior, condition, DPIConfig(), seeds=seeds)
