import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from dpi_core.training.sharpness import EDGES, bucket, sharpness

pytestmark = pytest.mark.usefixtures("seeded")


def wave(cycles: float, size=64) -> torch.Tensor:
    row = torch.sin(2 * math.pi * cycles * torch.arange(size))
    return row.expand(1, 3, size, size)


def test_a_coarse_wave_has_no_fine_energy_and_a_fine_one_nothing_else():
    assert sharpness(wave(4 / 64)) < -40
    assert sharpness(wave(24 / 64)) == pytest.approx(0, abs=1e-3)


def test_of_two_waves_it_tells_the_share_of_energy():
    mixed = wave(4 / 64) + 0.1 * wave(24 / 64)
    assert sharpness(mixed) == pytest.approx(10 * math.log10(0.01 / 1.01), abs=0.05)


def test_brightness_and_contrast_do_not_matter():
    image = torch.rand(2, 3, 64, 64)
    assert torch.allclose(sharpness(image), sharpness(20 + 100 * image), atol=1e-2)


def test_blur_makes_softer():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    blurred = [noise.filter(ImageFilter.GaussianBlur(radius)) for radius in (0, 0.5, 1, 1.5)]
    found = sharpness(torch.from_numpy(np.stack([np.asarray(image) for image in blurred])).permute(0, 3, 1, 2))
    assert (found.diff() < -1).all()


def test_a_flat_image_is_no_error():
    assert sharpness(torch.full((1, 3, 16, 16), 7.0)).isfinite().all()


@pytest.mark.parametrize("size", EDGES)
def test_buckets_go_from_soft_to_sharp(size):
    edges = EDGES[size]
    decibels = torch.tensor([-60.0, edges[0] + 0.1, edges[1] + 0.1, edges[2] + 0.1, 0.0])
    assert bucket(decibels, size).tolist() == [1, 2, 3, 4, 4]
    assert torch.equal(bucket(decibels, size + 3), bucket(decibels, size))
