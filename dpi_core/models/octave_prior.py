"""A prior for images twice as large: a smaller prior, and a small network that draws the octave of detail above it.

An image is the means of its blocks of 2x2 pixels and three differences in each (Haar's transform, orthonormal, so white
noise stays white noise in every one of them). The means of a noisy image are a noisy image of half the size with half the
noise: the smaller prior answers for them as it is, at the timestep where its own images hold as much. Of the differences,
those that smooth upsampling of the estimated means has anyway are known; the rest r, of deviation s, is what the second
network estimates. In both bands the state is variance preserving, and the networks answer v (Salimans & Ho 2022):

    z = cos phi  r/s + sin phi  n,    v = cos phi  n - sin phi  r/s,    tan phi = sqrt(1-ab) / (s sqrt(ab))

For the means s = 2, as noise there has half the deviation. A band of its own scale each is what Karras et al. (2022) ask of
the inputs and outputs of one network.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dpi_core.models.unet_prior import UNetPrior

CHANNELS = 12, 9  # of its network: the differences' state and the means; v of the differences
MEANS = 2.0  # signal to noise of the means of 2x2 pixels, against that of pixels


class Band(NamedTuple):
    """A band's signal in units of its deviation, and its noise; of one shape."""

    signal: Tensor
    noise: Tensor


class Angle(NamedTuple):
    """cos and sin of a band's phi, and the length by which its state is divided; (N,1,1,1) each."""

    cos: Tensor
    sin: Tensor
    norm: Tensor

    def estimated(self, z: Tensor, v: Tensor) -> Band:
        """Compute what a state `z` consists of if `v` is true."""
        return Band(self.cos * z - self.sin * v, self.sin * z + self.cos * v)


def angle(ab: Tensor, deviation: float) -> Angle:
    """Compute phi of a band whose signal has `deviation`, and its noise 1, at alpha_bar `ab` (N,1,1,1)."""
    norm = (ab * deviation**2 + 1 - ab).sqrt()
    return Angle(ab.sqrt() * deviation / norm, (1 - ab).sqrt() / norm, norm)


def split(image: Tensor) -> tuple[Tensor, Tensor]:
    """Split an image (N,3,H,W) into means of 2x2 pixels (N,3,H/2,W/2) and differences (N,9,H/2,W/2): across, down, diagonal."""
    a, b, c, d = (image[..., row::2, column::2] for row in (0, 1) for column in (0, 1))
    return (a + b + c + d) / 4, torch.cat([a - b + c - d, a + b - c - d, a - b - c + d], dim=1) / 2


def merge(means: Tensor, differences: Tensor) -> Tensor:
    """Put an image (N,3,H,W) together from what `split` gave."""
    across, down, diagonal = (differences / 2).chunk(3, dim=1)
    pixels = (across + down + diagonal, down - across - diagonal, across - down - diagonal, diagonal - across - down)
    return F.pixel_shuffle(torch.stack([means + part for part in pixels], dim=2).flatten(1, 2), 2)


def smooth_differences(means: Tensor) -> Tensor:
    """Compute the differences (N,9,H,W) that bicubic upsampling of `means` (N,3,H,W) has.

    With anti-aliasing, which changes nothing else here, torch takes the kernel that keeps straight ramps straight.
    """
    return split(F.interpolate(means, scale_factor=2, mode="bicubic", align_corners=False, antialias=True))[1]


class Seen(NamedTuple):
    """What the second network is asked about.

    Attributes:
        means: estimated by the smaller prior, (N,3,H/2,W/2).
        means_noise: the noise in them, of deviation 1.
        known: differences that the means imply, (N,9,H/2,W/2).
        state: z of the others.
        angle: phi of the others.
    """

    means: Tensor
    means_noise: Tensor
    known: Tensor
    state: Tensor
    angle: Angle


class OctavePrior(UNetPrior):
    """A `Prior` of twice the side of `base`, whose answer for blocks of 2x2 pixels is that of `base`.

    Args:
        base: the smaller prior; it predicts v.
        unet: takes (N,12,H/2,W/2), the differences' state and the estimated means, and t; returns their v (N,9,H/2,W/2).
        deviation: s, of the differences that smooth upsampling does not know.
    """

    def __init__(self, base: UNetPrior, unet: nn.Module, deviation: float):
        super().__init__(unet, 2 * base.image_size, "v", 1, base.template)
        self.base = base
        self.deviation = deviation

    def seen(self, x_t: Tensor, t: Tensor, labels: Tensor | None = None) -> Seen:
        """Estimate the means in `x_t` (N,3,H,W) at `t` (N,) and what is left to estimate; `labels` are the base's classes."""
        ab = self.alpha_bar_at(x_t, t)
        means, differences = split(x_t)
        coarse = angle(ab, MEANS)
        z = MEANS * means / coarse.norm
        v = self.base.network_output(z, self._as_noisy(coarse), labels)
        signal, noise = coarse.estimated(z, v)
        known = smooth_differences(signal)
        fine = angle(ab, self.deviation)
        return Seen(signal, noise, known, (differences - ab.sqrt() * known) / fine.norm, fine)

    def answer(self, seen: Seen, t: Tensor) -> Tensor:
        """Ask the second network for v of the differences (N,9,H/2,W/2)."""
        both = torch.cat([seen.state, seen.means], dim=1).contiguous(memory_format=torch.channels_last)
        v: Tensor = self.unet(both, t).sample
        return v

    def image(self, seen: Seen, v: Tensor) -> Tensor:
        """Put the estimate of x0 (N,3,H,W) together."""
        return merge(seen.means, seen.known + self.deviation * seen.angle.estimated(seen.state, v).signal)

    def network_output(self, x_t: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return v of the whole image; see `UNetPrior.network_output`."""
        seen = self.seen(x_t, t, labels)
        v = self.answer(seen, t)
        noise = merge(seen.means_noise / MEANS, seen.angle.estimated(seen.state, v).noise)
        ab = self.alpha_bar_at(x_t, t)
        return ab.sqrt() * noise - (1 - ab).sqrt() * self.image(seen, v)

    def _as_noisy(self, coarse: Angle) -> Tensor:
        """Find the timestep (N,), between whole ones too, at which an image of the base's size is as noisy as the means."""
        logs = (self.alpha_bar / (1 - self.alpha_bar)).log().to(coarse.cos).flip(0)  # rising
        wanted = 2 * (coarse.cos / coarse.sin).log().flatten()
        upper = torch.searchsorted(logs, wanted).clamp(1, len(logs) - 1)
        low, high = logs[upper - 1], logs[upper]
        between = ((wanted - low) / (high - low)).clamp(0, 1)
        return len(logs) - 1 - (upper - 1 + between)
