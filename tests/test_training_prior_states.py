import numpy as np
import pytest
import torch
from conftest import analytic_corrector
from training_runs import pairs, pictures

from dpi_core import DPIConfig
from dpi_core.imaging.degradation import Degradation
from dpi_core.imaging.pixels import to_tensor
from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.method.masks import on_grid
from dpi_core.training import prior_states as module
from dpi_core.training.prior_states import (
    FINE_T,
    KEPT_HIGH,
    KEPT_LOW,
    LOW_T,
    MASKED_FROM,
    OWN_FROM,
    OWN_MILD,
    OWN_SCALES,
    OWN_TO,
    USES,
    made_up_states,
    mixed_states,
    noised,
    own_degradation,
    own_states,
    pack,
    run_states,
    under_mask,
    unpack,
)

AB = linear_alpha_bar()
CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("seeded")


def test_what_is_packed_comes_out_again():
    x_t, x0, t = pictures(3, 8), pictures(3, 8), torch.tensor([0, 513, 999])
    for packed in (pack(x_t, t, x0), pack(x_t, t, x0).half()):
        found = unpack(packed)
        assert torch.equal(found[1], t)
        assert torch.allclose(found[0], x_t, atol=1e-3)
        assert torch.allclose(found[2], x0, atol=1e-3)


# Noised faces.


def test_noised_faces_have_the_noise_of_their_timestep():
    x0 = pictures(64, 16)
    for _ in range(10):
        x_t, t = noised(x0, AB.float())
        ab = AB[t].float().view(-1, 1, 1, 1)
        noise = (x_t - ab.sqrt() * x0) / (1 - ab).sqrt()
        assert float(noise.mean()) == pytest.approx(0, abs=5 / noise.numel() ** 0.5)
        assert float(noise.var()) == pytest.approx(1, abs=5 * (2 / noise.numel()) ** 0.5)


def test_low_timesteps_are_drawn_more_often():
    _, t = noised(torch.zeros(4000, 1, 1, 1), AB.float())
    assert 0 <= int(t.min()) < 5
    assert 995 < int(t.max()) < 1000
    # a sixth below 100, half below 600, a third anywhere
    assert float((t < FINE_T).float().mean()) == pytest.approx(1 / 6 + 1 / 12 + 1 / 30, abs=5 * 0.45 / 4000**0.5)
    assert float((t < 600).float().mean()) == pytest.approx(2 / 3 + 0.2, abs=5 * 0.34 / 4000**0.5)


def test_a_share_of_the_faces_is_seen_under_a_mask_and_none_of_them_late(monkeypatch):
    monkeypatch.setattr(module, "under_mask", lambda x0, sigma: torch.full_like(x0, 1000.0))
    x_t, t = noised(torch.zeros(4000, 1, 1, 1), AB.float(), masked=0.4)
    marked = x_t.flatten().abs() > 5
    assert int(t[marked].min()) >= MASKED_FROM
    assert float(marked[t >= MASKED_FROM].float().mean()) == pytest.approx(0.4, abs=0.05)


def test_made_up_states_carry_the_faces_they_should_lead_to():
    faces = [torch.randint(0, 256, (3, 16, 16, 3), dtype=torch.uint8) for _ in range(2)]
    found = list(made_up_states(iter(faces), AB, 0.0, CPU))
    assert [state.shape for state in found] == [(3, 7, 16, 16)] * 2
    for state, pixels in zip(found, faces, strict=True):
        assert torch.equal(unpack(state)[2], to_tensor(pixels))


# Under a mask.


def test_under_a_mask_the_grid_keeps_to_the_face_and_its_condition(monkeypatch):
    monkeypatch.setattr(module, "MASKED_SPARSITIES", (2,))
    monkeypatch.setattr(module, "MAX_GAIN", 0.0)
    x0 = pictures(4)
    before = x0.clone()
    seen = under_mask(x0, torch.ones(4, 1, 1, 1))
    assert torch.equal(x0, before)
    assert torch.equal(on_grid(seen, 2), on_grid(x0, 2))  # no gain: the face itself
    assert not torch.equal(seen, x0)  # and the error between the grid's pixels
    assert torch.allclose(under_mask(x0, torch.zeros(4, 1, 1, 1)), x0)  # which vanishes with the noise


def test_under_a_mask_only_the_grid_is_blurred(monkeypatch):
    monkeypatch.setattr(module, "MASKED_SPARSITIES", (4,))
    x0 = pictures(4)
    changed = (under_mask(x0, torch.zeros(4, 1, 1, 1)) != x0).any(dim=1)
    assert changed[:, ::4, ::4].float().mean() > 0.9
    changed[:, ::4, ::4] = False
    assert not changed.any()


# States of runs.


def test_the_states_of_a_run_are_what_the_prior_is_asked(analytic_prior, monkeypatch):
    asked = []
    answer = analytic_prior.predict_eps

    def listen(x_t, t):
        asked.append((x_t.clone(), t.clone()))
        return answer(x_t, t)

    monkeypatch.setattr(analytic_prior, "predict_eps", listen)
    true, condition = pictures(3), pictures(3)
    x_t, t, x0 = unpack(run_states(analytic_prior, analytic_corrector, true, condition, DPIConfig(steps=20, tau=150)))
    expected = [(x, s) for x, s in asked if OWN_FROM <= int(s[0]) <= OWN_TO]
    assert len(x_t) == 3 * len(expected) == 3 * 13  # t = 700, 650 .. 100
    assert torch.equal(x_t, torch.cat([x for x, _ in expected]))
    assert torch.equal(t, torch.cat([s for _, s in expected]))
    assert torch.equal(x0, true.repeat(len(expected), 1, 1, 1))


def test_the_corrector_is_asked_once_a_run(analytic_prior):
    calls = []

    def counting(noisy_grid, t, condition_grid):
        calls.append(int(t[0]))
        return analytic_corrector(noisy_grid, t, condition_grid)

    run_states(analytic_prior, counting, pictures(), pictures(), DPIConfig(steps=20, tau=150))
    assert len(calls) == 1


def test_own_states_are_drawn_from_the_last_runs_about_as_often_as_is_said(analytic_prior, monkeypatch):
    monkeypatch.setattr(module, "OWN_STEPS", (20, 20))
    monkeypatch.setattr(module, "KEPT_LOW", 1.0)
    monkeypatch.setattr(module, "KEPT_HIGH", 0.0)
    monkeypatch.setattr(module, "POOL_RUNS", 2)
    runs = []

    def listen(*given):
        runs.append(run_states(*given))
        return runs[-1]

    monkeypatch.setattr(module, "run_states", listen)
    found = own_states(analytic_prior, analytic_corrector, pairs(), 3, CPU)
    drawn = [next(found) for _ in range(100)]
    assert all(batch.shape == (3, 7, 16, 16) and batch.dtype == torch.float16 for batch in drawn)
    assert sum(len(unpack(batch)[1].unique()) > 1 for batch in drawn) > 80
    # a run of four faces has 24 states from t = 300 down, each drawn `USES` times on average
    assert len(runs) == pytest.approx(3 * 100 / (24 * USES) + 1, abs=1)
    known = {state.half().numpy().tobytes() for run in runs[-2:] for state in run}
    assert all(state.numpy().tobytes() in known for state in drawn[-1])


def test_more_states_are_kept_at_low_t(analytic_prior, monkeypatch):
    monkeypatch.setattr(module, "OWN_STEPS", (20, 20))
    found = own_states(analytic_prior, analytic_corrector, pairs(count=40, size=8), 40, CPU)
    t = torch.cat([unpack(next(found))[1] for _ in range(20)])
    low, high = (t <= LOW_T).sum() / 5, (t > LOW_T).sum() / 8  # a run has 5 states up to 300 and 8 above
    assert float(low / high) == pytest.approx(KEPT_LOW / KEPT_HIGH, rel=0.4)


def test_no_timestep_is_met_so_often_that_it_could_be_learnt_by_heart(analytic_prior, monkeypatch):
    found = own_states(analytic_prior, analytic_corrector, pairs(count=8, size=8), 40, CPU)
    t = torch.cat([unpack(next(found))[1] for _ in range(100)])
    assert torch.bincount(t).max() < 0.1 * len(t)
    assert len(t.unique()) > 50


def test_own_runs_restore_plain_reductions_in_their_share():
    rng = np.random.default_rng(0)
    draws = [own_degradation(rng) for _ in range(2000)]
    plain = [d for d in draws if d == Degradation(scale=d.scale) and d.scale in OWN_SCALES]
    assert len(plain) == pytest.approx(2000 * OWN_MILD, abs=5 * (2000 * OWN_MILD * (1 - OWN_MILD)) ** 0.5)
    assert np.mean([d.scale == 4 for d in plain]) == pytest.approx(0.5, abs=0.08)
    assert all(1 <= d.scale <= 16 for d in draws)


def test_the_states_follow_the_prior_as_it_learns(analytic_prior, monkeypatch):
    monkeypatch.setattr(module, "OWN_STEPS", (10, 10))
    monkeypatch.setattr(module, "OWN_ETAS", (0.0,))
    monkeypatch.setattr(module, "KEPT_LOW", 1.0)
    monkeypatch.setattr(module, "KEPT_HIGH", 1.0)
    level = [-1.0]

    def sees_a_flat_face(x_t, t):
        ab = AB[t].to(x_t).view(-1, 1, 1, 1)
        return (x_t - ab.sqrt() * level[0]) / (1 - ab).sqrt()

    monkeypatch.setattr(analytic_prior, "predict_eps", sees_a_flat_face)
    monkeypatch.setattr(module, "POOL_RUNS", 1)
    monkeypatch.setattr(module, "USES", 1)
    found = own_states(analytic_prior, analytic_corrector, pairs(), 4, CPU)

    def mean_of_a_run() -> float:
        return float(torch.cat([next(found) for _ in range(7)])[:, :3].float().mean())

    before = mean_of_a_run()
    level[0] = 1.0
    assert mean_of_a_run() > before + 0.3


@pytest.mark.parametrize("count", [1, 4, 8])
def test_own_states_take_the_place_of_as_many(count):
    batches = mixed_states(iter([torch.zeros(8, 7, 2, 2)] * 3), iter(lambda: torch.ones(count, 7, 2, 2), None))
    shares = [batch[:, 0, 0, 0].numpy() for batch in batches]
    assert len(shares) == 3
    assert all(len(batch) == 8 and np.sum(batch) == count for batch in shares)
