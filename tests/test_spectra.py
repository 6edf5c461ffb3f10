"""Detail, grain and the grid: waves are seen where they are, filters by their known response."""

import math

import pytest
import torch
import torch.nn.functional as F

from dpi_core.measure.spectra import amplitude, decibels, detail_power, grain_power, grid_energy


def wave(down: float, across: float, size: int = 64) -> torch.Tensor:
    """A wave of so many cycles a pixel, 10 levels high, (1,3,S,S)."""
    place = torch.arange(size)
    phase = 2 * math.pi * (down * place[:, None] + across * place)
    return (10 / 127.5 * torch.cos(phase + 0.3)).expand(1, 3, size, size)


def noise(count: int = 40, size: int = 64) -> torch.Tensor:
    return torch.randn((count, 3, size, size), generator=torch.Generator().manual_seed(0)) * 0.1


@pytest.mark.parametrize(
    ("down", "across", "seen"),
    [(0.3, 0.0, True), (0.2, 0.2, True), (0.0, 0.25, True), (0.1, 0.05, False), (0.5, 0.0, False), (0.35, 0.35, False)],
)
def test_detail_is_what_lies_between_two_radii(down, across, seen):
    assert (float(detail_power(wave(down, across))) > 1) == seen


@pytest.mark.parametrize(
    ("down", "across", "seen"), [(0.5, 0.5, True), (0.47, 0.47, True), (0.5, 0.0, False), (0.5, 0.3, False)]
)
def test_grain_is_what_lies_in_the_corner(down, across, seen):
    power = float(grain_power(wave(down, across)))
    assert power > 1 if seen else power < 0.01 * float(grain_power(wave(0.5, 0.5)))


def test_a_chequerboard_is_grain_and_a_blur_takes_it_away():
    x = torch.ones(1, 3, 64, 64) * 0.1
    x[..., ::2, ::2] = x[..., 1::2, 1::2] = -0.1
    kernel = (torch.tensor([1.0, 2.0, 1.0])[:, None] * torch.tensor([1.0, 2.0, 1.0]) / 16).expand(3, 1, 3, 3)
    blurred = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, groups=3)
    assert decibels(float(grain_power(x) / grain_power(noise()).mean())) > 10
    assert float(grain_power(blurred)) < 1e-3 * float(grain_power(x))
    assert float(detail_power(x)) < 1e-3


def test_a_known_filter_scales_the_detail_by_its_response():
    x = noise()
    ratio = float(detail_power(0.35 * x + 0.2).sum() / detail_power(x).sum())
    assert amplitude(ratio) == pytest.approx(0.35, rel=1e-4)  # brightness does not count
    kernel = torch.tensor([0.25, 0.5, 0.25]).view(1, 1, 1, 3).expand(3, 1, 1, 3)
    blurred = F.conv2d(F.pad(x, (1, 1, 0, 0), mode="circular"), kernel, groups=3)
    f = torch.fft.fftfreq(64)
    radius = torch.hypot(f[:, None], f)
    response = (0.5 + 0.5 * torch.cos(2 * math.pi * f)).square().expand(64, 64)[(radius >= 0.2) & (radius <= 0.4)]
    found = float(detail_power(blurred).sum() / detail_power(x).sum())
    assert found == pytest.approx(float(response.mean()), rel=0.05)


def test_powers_are_of_each_image_and_any_shape():
    x = noise(3)
    for power in (detail_power, grain_power):
        assert torch.allclose(power(x), torch.cat([power(face) for face in x]), rtol=1e-4)
        assert torch.allclose(power(x.transpose(2, 3)), power(x), rtol=1e-3)
        assert power(torch.rand(3, 20, 48)).shape == (1,)


def test_ratios_are_told_as_amplitudes_and_decibels():
    assert (amplitude(0.25), amplitude(1.0)) == (0.5, 1.0)
    assert decibels(1.0) == 0
    assert decibels(100.0) == pytest.approx(20)
    assert decibels(0.0) == pytest.approx(-99)


@pytest.mark.parametrize("k", [2, 4, 8])
def test_grid_energy_of_a_grid_is_its_amplitude(k):
    x = torch.zeros(2, 3, 64, 64)
    x[..., ::k, ::k] = 1.0  # each harmonic of a comb of height 1 has amplitude 1/k^2, all of them real
    power = (127.5 / k**2) ** 2 * 64 * 64  # one bin of the orthonormal transform
    assert grid_energy(x, k) == pytest.approx(power / 25, rel=1e-4)  # the mean over 5 x 5 bins


def test_grid_energy_leaves_out_what_is_elsewhere():
    cosine = torch.cos(2 * math.pi * torch.arange(64) * 5 / 64).expand(1, 3, 64, 64)
    assert grid_energy(cosine, 2) < 1e-4
    assert grid_energy(cosine + 0.7, 4) < 1e-4
    with pytest.raises(ValueError, match="2 or more"):
        grid_energy(cosine, 1)


def test_grid_energy_of_noise_is_its_variance():
    assert grid_energy(noise() * 10 / 127.5, 2) == pytest.approx(1.0, abs=0.1)
