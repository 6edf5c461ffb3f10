import pytest
import torch

from dpi_core.imaging.degradation import downscale
from dpi_core.measure.metrics import lr_consistency
from dpi_core.method.consistency import project
from dpi_core.method.resampling import dense_condition, resize


def pictures(count=2, size=32, seed=0, spread=0.4):
    noise = torch.rand((count, 3, size, size), generator=torch.Generator().manual_seed(seed))
    return (noise * 2 - 1) * spread


@pytest.mark.parametrize("low", [(4, 4), (8, 8), (16, 16), (32, 32), (7, 11)])
def test_a_projected_image_reduces_to_the_low_resolution_one(low):
    low_res = pictures(size=16, seed=1, spread=0.2)[..., : low[0], : low[1]] if max(low) <= 16 else pictures(seed=1)
    result = project(pictures(), low_res)
    assert result.abs().max() < 1  # so nothing was clipped
    assert torch.allclose(resize(result, *low), low_res, atol=1e-4)


def test_what_is_consistent_already_stays():
    x = pictures()
    assert torch.allclose(project(x, resize(x, 8, 8)), x, atol=1e-5)


def test_projecting_twice_is_projecting_once():
    low_res = pictures(size=8, seed=1, spread=0.2)
    once = project(pictures(), low_res)
    assert torch.allclose(project(once, low_res), once, atol=1e-4)


def test_the_projection_is_the_nearest_consistent_image():
    # any other image with the same reduction is the projection plus something of the null space, which is orthogonal
    x, low_res = pictures(1), pictures(1, size=8, seed=1, spread=0.2)
    nearest = project(x, low_res)
    for seed in range(5):
        other = project(pictures(1, seed=10 + seed), low_res)
        assert float(((nearest - x) * (other - nearest)).sum()) == pytest.approx(0, abs=1e-2)
        assert (other - x).norm() > (nearest - x).norm()


def test_it_never_takes_a_face_further_from_the_truth():
    # the truth is one of the consistent images; projecting onto a convex set cannot increase the distance to a member
    truth = pictures(3, seed=5, spread=0.6)
    low_res = resize(truth, 8, 8)
    for strength in (0.02, 0.1, 0.3):
        guess = truth + strength * torch.randn(truth.shape, generator=torch.Generator().manual_seed(3))
        assert (project(guess, low_res) - truth).norm() <= (guess - truth).norm() * (1 + 1e-5)


def test_one_low_resolution_face_serves_a_batch():
    low_res = pictures(1, size=8, seed=1, spread=0.2)
    assert torch.equal(project(pictures(3), low_res), project(pictures(3), low_res.expand(3, -1, -1, -1)))


def test_eight_bits_are_all_that_is_left_of_the_difference():
    face = torch.nn.functional.avg_pool2d(pictures(1, spread=0.9), 3, 1, 1)
    low_res = downscale(face, 4)
    upsampled = dense_condition(low_res, 32, 32)
    assert lr_consistency(project(upsampled, low_res), low_res) > 50 > lr_consistency(upsampled, low_res)


@pytest.mark.parametrize("shape", [(1, 3, 64, 8), (1, 3, 8, 64), (3, 3, 8, 8)])
def test_what_does_not_fit_is_named(shape):
    with pytest.raises(ValueError, match="low_res has shape"):
        project(pictures(2), torch.zeros(shape))
