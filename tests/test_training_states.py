import random

import numpy as np
import pytest
import torch
from formulas import analytic_corrector
from training_runs import pairs, pictures

from dpi_core import DPIConfig, sample_steps
from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.method.masks import on_grid
from dpi_core.training import states as module
from dpi_core.training.states import (
    Recorder,
    alternating,
    forward_states,
    pack,
    random_config,
    run_states,
    sampler_states,
    unpack,
)

AB = linear_alpha_bar()
CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("seeded")


def test_what_is_packed_comes_out_again():
    c, y_init, h = pictures(3, 8), pictures(3, 8), pictures(3, 8)
    t = torch.tensor([0, 513, 999])
    for packed in (pack(c, t, y_init, h), pack(c, t, y_init, h).half()):
        found = unpack(packed)
        assert torch.equal(found[1], t)
        for a, b in zip((found[0], *found[2:]), (c, y_init, h), strict=True):
            assert torch.allclose(a, b, atol=1e-3)


def test_a_recorder_changes_nothing(analytic_prior):
    condition = pictures()
    recorder = Recorder(analytic_corrector)
    plain = list(sample_steps(analytic_prior, condition, DPIConfig(), corrector=analytic_corrector, seeds=[1, 2]))
    seen = list(sample_steps(analytic_prior, condition, DPIConfig(), corrector=recorder, seeds=[1, 2]))
    assert torch.equal(plain[-1].x0, seen[-1].x0)
    # the corrector is asked after every step but the last, with the grid of the sample as it leaves the step
    assert len(recorder.asked) == 19
    for event, (c, t, y_init) in zip(plain, recorder.asked, strict=False):
        assert torch.equal(c, on_grid(event.x_t, 2))
        assert (t == event.t).all()
        assert torch.equal(y_init, on_grid(condition, 2))


@pytest.mark.parametrize("k", [1, 2, 3, 8])
def test_the_states_of_a_run_belong_to_its_faces(analytic_prior, k):
    true, condition = pictures(3), pictures(3)
    found = run_states(analytic_prior, analytic_corrector, true, condition, DPIConfig(steps=4, sparsity=k))
    side = -(-32 // k)
    assert found.shape == (3 * 3, 10, side, side)
    _, t, y_init, h = unpack(found)
    assert t.tolist() == [750] * 3 + [500] * 3 + [250] * 3
    for i in range(9):
        assert torch.equal(h[i], on_grid(true, k)[i % 3])
        assert torch.equal(y_init[i], on_grid(condition, k)[i % 3])


def test_forward_states_have_the_noise_of_their_timestep(monkeypatch):
    # with a corrector that changes nothing, c is y_init noised to the level of t
    monkeypatch.setattr(module, "UNetCorrector", lambda network: network)
    found = forward_states(lambda c, t, y: y, pairs(64), CPU)
    for _ in range(10):
        c, t, y_init, h = unpack(next(found))
        ab = AB[t].float().view(-1, 1, 1, 1)
        noise = (c - ab.sqrt() * y_init) / (1 - ab).sqrt()
        assert float(noise.mean()) == pytest.approx(0, abs=5 / noise.numel() ** 0.5)
        assert float(noise.var()) == pytest.approx(1, abs=5 * (2 / noise.numel()) ** 0.5)
        assert h.shape == y_init.shape


def test_most_forward_states_hold_what_the_corrector_makes_of_noise(monkeypatch):
    monkeypatch.setattr(module, "UNetCorrector", lambda network: network)
    found = forward_states(lambda c, t, y: torch.full_like(y, 3.0), pairs(64), CPU)
    corrected = []
    for _ in range(60):
        c, t, _, _ = unpack(next(found))
        late = t < 100
        if late.sum() > 2:
            corrected.append(float(c[late].mean()) > 1.5)
    assert 0.5 < np.mean(corrected) < 0.9


def test_batches_of_sampler_states_have_one_size_and_mix_timesteps(analytic_prior, monkeypatch):
    monkeypatch.setattr(module, "STEPS", (10,))
    monkeypatch.setattr(module, "random_config", lambda rng: DPIConfig(steps=10, tau=rng.randint(0, 400)))
    monkeypatch.setattr(module, "UNetCorrector", lambda network: network)
    found = sampler_states(analytic_corrector, analytic_prior, pairs(), CPU, runs=2)
    first = [next(found) for _ in range(9)]  # half of two runs of nine states for each of four faces
    assert all(len(batch) == 4 for batch in first)
    assert all(batch.dtype == torch.float16 for batch in first)
    assert sum(len(unpack(batch)[1].unique()) > 1 for batch in first) > 4
    rows = {state.numpy().tobytes() for batch in first for state in batch}
    assert len(rows) == 36
    assert next(found)[0].numpy().tobytes() not in rows  # and on with the next runs


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_two_kinds_of_states_come_in_their_shares(share):
    kinds = alternating(iter(lambda: torch.zeros(1), None), iter(lambda: torch.ones(1), None), share)
    assert np.mean([float(next(kinds)) for _ in range(1000)]) == pytest.approx(share, abs=0.06)


def test_the_states_follow_the_corrector_as_it_learns(analytic_prior, monkeypatch):
    monkeypatch.setattr(module, "UNetCorrector", lambda network: network)
    monkeypatch.setattr(module, "random_config", lambda rng: DPIConfig(steps=4, tau=0))
    level = [0.0]
    found = sampler_states(lambda c, t, y: torch.full_like(y, level[0]), analytic_prior, pairs(), CPU, runs=1)
    monkeypatch.setattr(module, "KEPT", 1.0)
    before = [next(found) for _ in range(3)]
    level[0] = 5.0
    after = [next(found) for _ in range(3)]
    late = [torch.cat(states)[torch.cat(states)[:, 9, 0, 0] < 600] for states in (before, after)]
    assert float(late[1][:, :3].float().mean()) > float(late[0][:, :3].float().mean()) + 1


def test_random_settings_are_allowed_and_varied():
    rng = random.Random(0)
    drawn = [random_config(rng) for _ in range(300)]
    assert {config.sparsity for config in drawn} == set(module.SPARSITIES)
    assert np.mean([config.tau <= 400 for config in drawn]) > 0.85
    assert {0.0, 1.0} < {config.eta for config in drawn}
