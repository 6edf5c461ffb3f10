import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from dpi_core.method.diffusion import (
    SeededNoise,
    ddim_step,
    eps_from_x0,
    linear_alpha_bar,
    predict_x0,
    step_coefficients,
)
from dpi_core.method.timesteps import timestep_pairs

ALPHA_BAR = linear_alpha_bar()


def test_schedule_is_ddpms():
    scheduler = DDIMScheduler(num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02, beta_schedule="linear")
    assert torch.allclose(ALPHA_BAR, scheduler.alphas_cumprod.double(), atol=1e-6)


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("steps", [10, 20, 50])
def test_a_step_is_ddims(steps, eta):
    scheduler = DDIMScheduler(beta_start=1e-4, beta_end=0.02, beta_schedule="linear", set_alpha_to_one=True)
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(1)
    x, eps, z = (torch.randn((2, 3, 8, 8), generator=generator) for _ in range(3))
    for t, t_prev in timestep_pairs(steps):
        c = step_coefficients(ALPHA_BAR, t, t_prev, eta)
        x0 = predict_x0(x, eps, c)
        ours = ddim_step(x0, eps_from_x0(x, x0, c), z, c)
        theirs = scheduler.step(eps, t, x, eta=eta, use_clipped_model_output=True, variance_noise=z).prev_sample
        assert torch.allclose(ours, theirs, atol=2e-5)


def test_predicting_x0_inverts_adding_noise():
    generator = torch.Generator().manual_seed(2)
    x0 = torch.rand((1, 3, 8, 8), generator=generator, dtype=torch.float64) * 2 - 1
    eps = torch.randn((1, 3, 8, 8), generator=generator, dtype=torch.float64)
    for t in (0, 100, 500, 950):
        c = step_coefficients(ALPHA_BAR, t, -1, 0.0)
        x_t = c.sqrt_ab * x0 + c.sqrt_1mab * eps
        assert torch.allclose(predict_x0(x_t, eps, c), x0, atol=1e-9)
        assert torch.allclose(eps_from_x0(x_t, x0, c), eps, atol=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_step_keeps_the_noise_level(eta):
    c = step_coefficients(ALPHA_BAR, 500, 450, eta)
    assert c.a**2 + c.b**2 + c.sigma**2 == pytest.approx(1.0)


def test_noise_belongs_to_its_seed_alone():
    like = torch.empty(0)
    both, alone = SeededNoise([3, 9]), SeededNoise([9])
    for _ in range(3):
        assert torch.equal(both.normal((3, 4, 4), like)[1:], alone.normal((3, 4, 4), like))
        p = torch.full((2, 1, 4, 4), 0.5)
        assert torch.equal(both.bernoulli(p)[1:], alone.bernoulli(p[:1]))


def test_noise_leaves_the_global_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    SeededNoise([1]).normal((3, 8, 8), torch.empty(0))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_the_precision_of_what_noise_is_drawn_for_changes_no_draw(dtype):
    single, other, p = SeededNoise([3]), SeededNoise([3]), torch.tensor([0.25, 0.5, 0.75]).repeat(1, 100)
    for _ in range(2):
        assert torch.equal(other.bernoulli(p.to(dtype)), single.bernoulli(p))
        drawn = single.normal((3, 4, 4), torch.empty(0))
        assert torch.equal(other.normal((3, 4, 4), torch.empty(0, dtype=dtype)), drawn.to(dtype))
