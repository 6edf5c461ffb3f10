import math

import numpy as np
import pytest
import torch
from PIL import Image

from dpi_core.imaging.degradation import Degradation, downscale, quantize, random_degradation
from dpi_core.imaging.pixels import to_tensor
from dpi_core.method.resampling import dense_condition, resize


def smooth(height=48, width=64, seed=0) -> np.ndarray:
    """A picture without detail finer than some pixels, uint8."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def ramp(height: int, width: int) -> torch.Tensor:
    """Each pixel holds the place of its centre: row in the first channel, column in the second, from 0 to 1."""
    y = (torch.arange(height, dtype=torch.float64) + 0.5) / height
    x = (torch.arange(width, dtype=torch.float64) + 0.5) / width
    return torch.stack([y[:, None].expand(height, width), x.expand(height, width), y[:, None] * 0 + x * 0])[None]


@pytest.mark.parametrize("kernel", ["bicubic", "area"])
@pytest.mark.parametrize("size", [(8, 8), (5, 13), (16, 32), (100, 70)])
def test_a_constant_stays_constant(kernel, size):
    out = resize(torch.full((2, 3, 32, 48), 0.37), *size, kernel)
    assert out.shape == (2, 3, *size)
    assert (out - 0.37).abs().max() < 1e-6


@pytest.mark.parametrize("size", [(16, 24), (8, 12), (27, 41), (128, 96), (200, 300)])
def test_nothing_shifts(size):
    # A ramp of pixel centres stays one, where the kernel (two of the coarser pixels each way) is inside the image.
    border_y, border_x = (math.ceil(2 * max(1, n / before)) + 1 for n, before in zip(size, (64, 96), strict=True))
    inside = (..., slice(border_y, -border_y), slice(border_x, -border_x))
    error = (resize(ramp(64, 96), *size) - ramp(*size))[inside].abs()
    assert error.numel() > 0
    assert error.max() < 1e-3


@pytest.mark.parametrize("kernel", ["bicubic", "area"])
@pytest.mark.parametrize("size", [(16, 16), (8, 4), (11, 7)])
def test_resizing_commutes_with_a_flip(kernel, size):
    # A resampling with a shift would move against its mirror image.
    x = to_tensor(smooth(64, 64)).double()
    flipped = resize(x.flip(2, 3), *size, kernel).flip(2, 3)
    assert torch.allclose(flipped, resize(x, *size, kernel), atol=1e-9)


def test_area_by_a_whole_factor_is_the_mean_of_each_block():
    x = to_tensor(smooth(32, 48))
    assert torch.allclose(resize(x, 8, 12, "area"), torch.nn.functional.avg_pool2d(x, 4), atol=1e-6)


def test_the_same_size_is_the_same_image():
    x = to_tensor(smooth())
    assert torch.equal(resize(x, 48, 64), x)


@pytest.mark.parametrize("size", [(24, 32), (12, 16), (6, 8), (3, 4), (17, 23), (96, 128)])
def test_bicubic_is_pillows(size):
    # Pillow rounds between its two passes, so a level or two may differ.
    pixels = smooth()
    ours = ((resize(to_tensor(pixels), *size).clamp(-1, 1) + 1) * 127.5).round()[0].permute(1, 2, 0).numpy()
    theirs = np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC), float)
    assert np.abs(ours - theirs).max() <= 2
    assert np.abs(ours - theirs).mean() < 0.5


def test_quantizing_gives_the_256_levels_of_a_file_and_nothing_changes_the_second_time():
    x = torch.linspace(-1.2, 1.2, 5000)
    once = quantize(x)
    assert len(once.unique()) == 256
    assert torch.equal(quantize(once), once)
    assert (once - x.clamp(-1, 1)).abs().max() <= 0.5 / 127.5 + 1e-6
    levels = to_tensor(np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, axis=2))
    assert torch.allclose(quantize(levels), levels, atol=1e-6)


@pytest.mark.parametrize("scale", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("size", [(128, 128), (64, 96), (131, 77)])
def test_a_reduction_and_its_dense_condition_have_the_right_sizes(size, scale):
    low = downscale(to_tensor(smooth(136, 136)[: size[0], : size[1]]), scale)
    assert low.shape == (1, 3, round(size[0] / scale), round(size[1] / scale))
    assert torch.equal(quantize(low), low)
    dense = dense_condition(low, *size)
    assert dense.shape == (1, 3, *size)
    assert dense.abs().max() <= 1


def test_a_scale_of_one_leaves_an_8_bit_image_as_it_is():
    x = to_tensor(smooth())
    assert torch.allclose(downscale(x, 1), x, atol=1e-6)
    assert torch.equal(dense_condition(x, 48, 64), x)


def test_a_condition_keeps_what_a_reduction_keeps():
    # Up and down again is nearly the identity on a smooth low-resolution image.
    low = quantize(to_tensor(smooth(16, 16)))
    again = downscale(dense_condition(low, 128, 128), 8)
    assert (again - low).abs().mean() < 0.05


@pytest.mark.parametrize("scale", [-2, 0.001, 0.5, 33, 128, 1000])
def test_a_scale_that_is_not_possible_is_named(scale):
    with pytest.raises(ValueError, match=f"scale is {scale:g} for 64x48 pixels; allowed is 1 to half the side"):
        downscale(torch.zeros(1, 3, 48, 64), scale)


CHAINS = [
    Degradation(),
    Degradation(scale=4, kernel="area", blur=1.5),
    Degradation(scale=2.7, noise=10),
    Degradation(scale=1, jpeg=40),
    Degradation(scale=3, kernel="area", blur=3.0, noise=15.0, jpeg=94),
]


@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain_gives_8_bits_of_the_reduced_size_and_depends_on_its_seed_alone(chain):
    face = smooth(64, 48)
    before = face.copy()
    out = chain.apply(face, np.random.default_rng(5))
    assert out.shape == (round(64 / chain.scale), round(48 / chain.scale), 3)
    assert out.dtype == np.uint8
    assert np.array_equal(out, chain.apply(face, np.random.default_rng(5)))
    assert np.array_equal(out, chain.apply(face, np.random.default_rng(6))) == (chain.noise == 0)
    assert np.array_equal(face, before)


def test_a_chain_that_does_nothing_is_the_identity():
    assert np.array_equal(Degradation(scale=1).apply(smooth(), np.random.default_rng(0)), smooth())


def test_plain_bicubic_is_downscale():
    out = Degradation(scale=8).apply(smooth(), np.random.default_rng(0))
    assert torch.allclose(to_tensor(out), downscale(to_tensor(smooth()), 8), atol=1e-5)


def test_noise_has_its_strength():
    grey = np.full((200, 200, 3), 128, np.uint8)
    out = Degradation(scale=1, noise=8).apply(grey, np.random.default_rng(0)).astype(float)
    assert out.std() == pytest.approx((64 + 1 / 12) ** 0.5, rel=0.02)  # rounding adds a twelfth
    assert out.mean() == pytest.approx(128, abs=0.2)


def test_blur_takes_detail_away():
    detail = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    stds = [Degradation(scale=1, blur=s).apply(detail, np.random.default_rng(0)).std() for s in (0, 0.5, 1, 3)]
    assert stds == sorted(stds, reverse=True)


def test_a_tiny_face_never_vanishes():
    assert Degradation(scale=16).apply(smooth(16, 16), np.random.default_rng(0)).shape == (2, 2, 3)


def test_random_chains_stay_in_their_ranges_and_half_are_plain():
    rng = np.random.default_rng(0)
    draws = [random_degradation(rng) for _ in range(2000)]
    plain = [d for d in draws if d == Degradation(scale=d.scale) and d.scale in (4, 8, 16)]
    blind = [d for d in draws if d not in plain]
    assert len(plain) == pytest.approx(1000, abs=5 * 500**0.5)
    assert {d.scale for d in plain} == {4.0, 8.0, 16.0}
    for d in blind:
        assert 1 <= d.scale <= 16
        assert d.kernel in ("bicubic", "area")
        assert d.blur == 0 or 0.2 <= d.blur <= 3
        assert 0 <= d.noise <= 15
        assert d.jpeg is None or 40 <= d.jpeg <= 95
    for share in (
        np.mean([d.blur > 0 for d in blind]),
        np.mean([d.noise > 0 for d in blind]),
        np.mean([d.jpeg is not None for d in blind]),
    ):
        assert share == pytest.approx(0.6, abs=0.08)


def test_random_chains_follow_their_seed():
    first, second = (random_degradation(np.random.default_rng(3)) for _ in range(2))
    assert first == second


def test_jpeg_is_a_file_of_that_quality(tmp_path):
    for quality in (40, 94):
        Image.fromarray(smooth()).save(tmp_path / "a.jpg", quality=quality)
        out = Degradation(scale=1, jpeg=quality).apply(smooth(), np.random.default_rng(0))
        assert np.array_equal(out, np.asarray(Image.open(tmp_path / "a.jpg")))


def test_the_area_kernel_is_the_mean_of_each_block():
    out = Degradation(scale=4, kernel="area").apply(smooth(), np.random.default_rng(0))
    means = smooth().reshape(12, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(out - means).max() <= 0.5 + 1e-4
