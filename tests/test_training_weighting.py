import math

import pytest
import torch

from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.training.weighting import EDM_DEVIATION, EDM_MEAN, WEIGHTINGS, draw_timesteps, weights_of

AB = linear_alpha_bar().float()
COUNT = 200_000

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.mark.parametrize("weighting", [name for name in WEIGHTINGS if name != "edm"])
def test_timesteps_are_drawn_evenly(weighting):
    t = draw_timesteps(weighting, COUNT, AB)
    counts = torch.histc(t.float(), 10, 0, 1000)
    assert t.min() == 0
    assert t.max() == 999
    assert torch.allclose(counts, torch.full((10,), COUNT / 10), rtol=0.05)


def test_edm_draws_half_of_them_by_a_normal_density_of_ln_sigma():
    t = draw_timesteps("edm", COUNT, AB)
    log_sigma = ((1 - AB) / AB).log()[t] / 2

    def normal(x: float) -> float:
        return 0.5 * (1 + math.erf((x - EDM_MEAN) / EDM_DEVIATION / math.sqrt(2)))

    table = ((1 - AB) / AB).log() / 2
    for edge in (-3.0, -2.0, -1.2, 0.0, 1.0, 3.0):
        expected = 0.5 * normal(edge) + 0.5 * float((table < edge).float().mean())
        assert float((log_sigma < edge).float().mean()) == pytest.approx(expected, abs=0.01)
    assert (t.min(), t.max()) == (0, 999)


@pytest.mark.parametrize("gamma", [5, 20])
def test_min_snr_limits_what_the_error_of_x0_counts(gamma):
    snr = AB / (1 - AB)
    of_x0 = weights_of(f"min-snr-{gamma}", AB) * (snr + 1)  # |v error|^2 = (snr + 1) |x0 error|^2
    assert torch.allclose(of_x0, snr.clamp(max=gamma), rtol=1e-4)


@pytest.mark.parametrize("weighting", ["edm", "uniform-v"])
def test_the_others_count_v_alike(weighting):
    assert torch.equal(weights_of(weighting, AB), torch.ones(1000))
