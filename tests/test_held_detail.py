"""How much detail a crop holds is told from the fall of its spectrum."""

import pytest
import torch
import torch.nn.functional as F

from dpi_core.faces.templates import TEMPLATES
from dpi_core.imaging.degradation import downscale
from dpi_core.imaging.pixels import to_image, to_tensor
from dpi_core.measure.held_detail import held_scale
from dpi_core.method.resampling import dense_condition
from dpi_core.restore.prepare import held_copy, prepare
from dpi_core.restore.request import Request


def natural(size: int, seed: int = 0) -> torch.Tensor:
    """An image (1,3,size,size) whose spectrum falls by 8 dB an octave, as a face's does."""
    frequency = torch.fft.fftfreq(size, 1 / size)
    radius = torch.hypot(frequency[:, None], frequency[None]).clamp(min=1)
    noise = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(seed))
    image = torch.fft.ifft2(torch.fft.fft2(noise) * radius ** (-8 / 20 / torch.log10(torch.tensor(2.0)))).real
    return (0.3 * image / image.std()).expand(1, 3, size, size)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("reduced", "told"), [(1, 2), (2, 2), (4, 4), (8, 8), (16, 16)])
def test_what_was_reduced_is_told(reduced, told, seed):
    image = natural(128, seed)
    assert held_scale(image if reduced == 1 else dense_condition(downscale(image, reduced), 128, 128)) == told


def test_it_does_not_depend_on_brightness_contrast_or_size():
    coarse = dense_condition(downscale(natural(128), 8), 128, 128)
    assert held_scale(0.2 * coarse + 0.4) == 8
    assert held_scale(F.interpolate(coarse, scale_factor=2, mode="bicubic")) == 16  # of 256 pixels: the same 16 a side


def test_an_even_picture_holds_nothing():
    assert held_scale(torch.zeros(1, 3, 128, 128)) == 16


def test_a_photo_is_compared_at_the_detail_it_holds():
    pixels = natural(128).clamp(-1, 1)
    for image, side in ((pixels, 32), (dense_condition(downscale(pixels, 8), 128, 128), 16)):  # grey: damage is unknown
        job = prepare(to_image(image[0]), TEMPLATES["tight-128"], Request(aligned=True)).jobs[0]
        assert job.low_res.shape[-1] == side


def test_half_the_side_is_for_what_is_undamaged_sharp_and_large_enough(restorer, astronaut):
    face = to_tensor(restorer.prepare(astronaut).jobs[0].crop)
    noisy = (face + 0.1 * torch.randn(face.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    assert held_copy(face, 90, False).shape[-1] == 64
    for crop, spanned, soft in ((face, 50, False), (face, 90, True), (noisy, 90, False)):
        assert held_copy(crop, spanned, soft).shape[-1] == 32
