import pytest
import torch

from dpi_core.method.diffusion import SeededNoise
from dpi_core.method.masks import dense_mask, edge_probability, evenly, fixed_mask, on_grid


@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_fixed_mask_holds_one_pixel_in_k_squared(k):
    mask = fixed_mask(2, k, 32, 48)
    assert mask.shape == (2, 1, 32, 48)
    assert mask.float().mean() == pytest.approx(1 / k**2)
    assert on_grid(mask, k).all()


@pytest.mark.parametrize("k", [1, 2, 3, 4, 8])
def test_spreading_a_grid_is_adjoint_to_reading_it(k):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((2, 1, 24, 24), generator=generator)
    grid = torch.rand(on_grid(x, k).shape, generator=generator) > 0.5
    assert torch.allclose((dense_mask(grid, k, 24, 24) * x).sum(), (grid * on_grid(x, k)).sum(), atol=1e-5)


def test_writing_to_the_grid_writes_to_the_image():
    x = torch.zeros(1, 3, 8, 8)
    on_grid(x, 4).fill_(1.0)
    assert x.sum() == 3 * 4


def test_probability_is_scaled_per_sample():
    generator = torch.Generator().manual_seed(1)
    y = torch.rand((2, 3, 16, 16), generator=generator)
    y[1] *= 0.01
    p = edge_probability(y, 1.4)
    assert torch.equal(p.amin(dim=(1, 2, 3)), torch.zeros(2))
    assert torch.allclose(p.amax(dim=(1, 2, 3)), torch.ones(2))
    assert torch.allclose(p[1:], edge_probability(y[1:], 1.4))


def test_probability_is_high_on_an_edge_and_falls_with_the_exponent():
    y = torch.full((1, 3, 16, 16), -0.5)
    y[..., 8:] = 0.5
    p = edge_probability(y, 1.0)
    assert torch.equal(p[..., 7:9], torch.ones(1, 1, 16, 2))
    assert p[..., :7].max() < 1e-6
    ramp = torch.rand((1, 3, 16, 16), generator=torch.Generator().manual_seed(2))
    assert (edge_probability(ramp, 3.0) <= edge_probability(ramp, 1.0) + 1e-6).all()


@pytest.mark.parametrize("value", [-1.0, 0.3, 0.7345])
def test_a_flat_face_has_no_edges_and_no_nan(value):
    assert torch.equal(edge_probability(torch.full((1, 3, 9, 9), value), 1.4), torch.zeros(1, 1, 9, 9))


def test_the_laplacian_of_a_plane_is_zero_inside():
    rows = torch.linspace(-1, 1, 12, dtype=torch.float64).view(1, 1, 12, 1).expand(1, 3, 12, 12)
    p = edge_probability(rows, 1.0)
    assert p[..., 1:-1, :].max() < 1e-6
    assert p[..., 0, :].min() > 0.9  # the reflected border folds the ramp back


def test_the_masks_rate_follows_p():
    p = torch.linspace(0, 1, 20).view(1, 1, 1, 20).expand(1, 1, 4000, 20).contiguous()
    rate = SeededNoise([11]).bernoulli(p).float().mean(dim=(0, 1, 2))
    assert (rate - p[0, 0, 0]).abs().max() < 4 * 0.5 / 4000**0.5
    assert rate[0] == 0
    assert rate[-1] == 1


def test_a_uniform_mask_keeps_as_many_pixels_but_anywhere():
    y = torch.rand((2, 3, 64, 64), generator=torch.Generator().manual_seed(3)) * torch.tensor([0.2, 1.0]).view(
        2, 1, 1, 1
    )
    p = edge_probability(y, 1.4)
    even = evenly(p)
    assert even.shape == p.shape
    torch.testing.assert_close(even.mean(dim=(1, 2, 3)), p.mean(dim=(1, 2, 3)))
    assert even.var(dim=(2, 3)).max() < 1e-12
    assert even[0, 0, 0, 0] != even[1, 0, 0, 0]
