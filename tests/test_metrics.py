import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from dpi_core.imaging.degradation import downscale, quantize
from dpi_core.measure.metrics import (
    gmsd,
    lr_consistency,
    ms_ssim,
    psnr,
    rms_levels,
    seed_diversity,
    ssim,
)
from dpi_core.method.resampling import dense_condition


def faces(count=3, size=32, seed=0):
    noise = torch.rand((count, 3, size, size), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool2d(noise, 5, stride=1, padding=2) * 2 - 1


@pytest.mark.parametrize("error", [1.0, 0.1, 2 / 255])
def test_psnr_of_a_constant_error_is_its_closed_form(error):
    x = torch.zeros(3, 16, 16)
    assert psnr(x, x + error) == pytest.approx(20 * math.log10(2 / error), abs=1e-4)


def test_psnr_is_scikit_images():
    a, b = faces(1), faces(1, seed=1)
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=2.0), abs=1e-4)
    assert psnr(a, b) == pytest.approx(psnr(b, a))


def test_equal_images_have_no_error():
    assert psnr(faces(), faces()) == 99.0
    assert ssim(faces(), faces()) == pytest.approx(1.0)


def test_ssim_falls_as_noise_grows_and_is_below_one():
    noise = torch.randn((3, 3, 32, 32), generator=torch.Generator().manual_seed(4))
    values = [ssim(faces(), faces() + strength * noise) for strength in (0, 0.02, 0.1, 0.5)]
    assert values == sorted(values, reverse=True)
    assert -1 <= values[-1] < 0.5


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_a_batch_is_the_mean_of_its_images(metric):
    a, b = faces(), faces(seed=1) * torch.tensor([0.1, 0.5, 1.0]).view(3, 1, 1, 1)
    singles = [metric(x, y) for x, y in zip(a, b, strict=True)]
    assert metric(a, b) == pytest.approx(sum(singles) / 3, abs=1e-5)
    assert metric(a[0], b[0]) == pytest.approx(metric(a[:1], b[:1]))


def test_a_result_that_reduces_to_its_input_agrees_with_it():
    flat = quantize(torch.full((1, 3, 8, 8), 0.3))
    assert lr_consistency(dense_condition(flat, 32, 32), flat) == 99.0
    truth = faces(1, 64)
    assert lr_consistency(truth, downscale(truth, 8)) == 99.0


def test_a_result_that_does_not_fit_its_input_is_found_out():
    low = downscale(faces(1, 64), 4)
    dense = dense_condition(low, 64, 64)
    assert lr_consistency(dense, low) > 30
    assert lr_consistency(-dense, low) < lr_consistency(dense, low) - 10
    # lighter by 0.2 everywhere, at low resolution as well
    assert lr_consistency(faces(1, 64) * 0.5 + 0.2, downscale(faces(1, 64) * 0.5, 4)) == pytest.approx(20, abs=0.2)


def test_equal_results_have_no_diversity():
    assert seed_diversity(faces(1).repeat(4, 1, 1, 1)).abs().max() < 1e-6
    assert seed_diversity(faces(1)).shape == (32, 32)


def test_diversity_is_the_standard_deviation_over_seeds():
    # Two results d apart have a standard deviation of d / 2.
    x = faces(1)
    step = torch.tensor([0.1, 0.2, 0.6]).view(1, 3, 1, 1)
    found = seed_diversity(torch.cat([x, x + step]))
    assert torch.allclose(found, torch.full((32, 32), 0.15), atol=1e-5)
    normal = torch.randn((2000, 3, 4, 4), generator=torch.Generator().manual_seed(1)) * 0.3
    assert torch.allclose(seed_diversity(normal), torch.full((4, 4), 0.3), rtol=0.06)


def test_ms_ssim_is_one_for_equal_images_symmetric_and_falls_as_noise_grows():
    x = faces(2, size=64)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(4))
    assert ms_ssim(x, x) == pytest.approx(1.0, abs=1e-5)
    assert ms_ssim(x, x + 0.1 * noise) == pytest.approx(ms_ssim(x + 0.1 * noise, x), abs=1e-5)
    values = [ms_ssim(x, x + strength * noise) for strength in (0, 0.02, 0.1, 0.5)]
    assert values == sorted(values, reverse=True)
    assert 0 <= values[-1] < 0.8


def test_ms_ssim_of_a_batch_is_the_mean_of_its_pairs():
    a, b = faces(3, size=32), faces(3, size=32, seed=1)
    alone = [ms_ssim(x, y) for x, y in zip(a, b, strict=True)]
    assert ms_ssim(a, b) == pytest.approx(sum(alone) / 3, abs=1e-5)


def test_ms_ssim_at_one_scale_is_ssim():
    # at 11 to 21 pixels only one scale fits; scikit-image leaves out the same border
    a = faces(2, size=20)
    b = a + 0.1 * faces(2, size=20, seed=1)  # alike, since a negative similarity counts as none
    assert ms_ssim(a, b) == pytest.approx(ssim(a, b), abs=1e-4)


def test_ms_ssim_needs_a_window():
    with pytest.raises(ValueError, match="at least 11 a side"):
        ms_ssim(faces(1, size=10), faces(1, size=10))


def test_levels_are_a_root_mean_square_of_each_pair():
    a, b = torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8)
    b[0] = 2 / 255  # one level everywhere
    b[1, 0, :, ::2] = 2 / 255 * 12**0.5  # a sixth of the values by sqrt(12) levels
    assert rms_levels(a, b).tolist() == pytest.approx([1.0, 2**0.5], rel=1e-5)


def test_gmsd_is_the_deviation_of_the_similarity_of_prewitt_gradients():
    from scipy.ndimage import prewitt

    a, b = faces(1, size=32), faces(1, size=32, seed=1)
    gradients = []
    for x in (a, b):
        gray = ((x[0] + 1) * 127.5 * torch.tensor([0.2989, 0.587, 0.114]).view(3, 1, 1)).sum(dim=0)
        half = gray.view(16, 2, 16, 2).mean(dim=(1, 3)).double().numpy()
        gradients.append(np.hypot(*(prewitt(half, axis, mode="constant") / 3 for axis in (0, 1))))
    x, y = gradients
    assert gmsd(a, b) == pytest.approx(((2 * x * y + 170) / (x**2 + y**2 + 170)).std(), rel=1e-5)
    assert gmsd(a, a) == 0
    noise = torch.randn(a.shape, generator=torch.Generator().manual_seed(4))
    values = [gmsd(a, a + strength * noise) for strength in (0, 0.02, 0.1, 0.5)]
    assert values == sorted(values)
