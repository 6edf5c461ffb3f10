"""The octave of detail above a prior: what makes a face of twice as many pixels a side of a restored one.

An image is the means of its blocks of 2x2 pixels and three differences in each (Haar's transform, orthonormal, so white noise
stays white noise in each of them). The means are the restored face, as it is; of the differences, those that smooth upsampling
of it has anyway are known; the rest r, of deviation s, is drawn by a small diffusion model that sees the means. Its state is
variance preserving, and it answers v (Salimans & Ho 2022):

    z = cos phi  r/s + sin phi  n,    v = cos phi  n - sin phi  r/s,    tan phi = sqrt(1-ab) / (s sqrt(ab))

With s as small as it is, r is settled at little noise: a few steps at small t draw it.
"""

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dpi_core.errors import DPIError
from dpi_core.method.diffusion import SeededNoise, linear_alpha_bar
from dpi_core.models.batch_splitting import Fitting, NotEnoughMemoryError
from dpi_core.models.devices import pick_device
from dpi_core.weights.embedded_files import embedded_folder
from dpi_core.weights.unets import load_unet, save_unet

SIDECAR = "octave.json"
CHANNELS = 12, 9  # of its network: the differences' state and the means; v of the differences
TIMESTEPS = (100, 10)


class Band(NamedTuple):
    """A band's signal in units of its deviation, and its noise; of one shape."""

    signal: Tensor
    noise: Tensor


class Angle(NamedTuple):
    """cos and sin of phi, and the length by which a state is divided; (N,1,1,1) each."""

    cos: Tensor
    sin: Tensor
    norm: Tensor

    def state(self, band: Band) -> Tensor:
        """Compute z of what is in the band."""
        return self.cos * band.signal + self.sin * band.noise

    def velocity(self, band: Band) -> Tensor:
        """Compute v of what is in the band."""
        return self.cos * band.noise - self.sin * band.signal

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


class Octave:
    """Draws the octave above faces of `side` pixels.

    Args:
        unet: takes (N,12,H,W), the differences' state and the means, and t; returns their v (N,9,H,W) in ``.sample``.
        side: pixels a side of the faces it learned on, before they are doubled.
        deviation: s, of the differences that smooth upsampling does not know.
    """

    def __init__(self, unet: nn.Module, side: int, deviation: float):
        self.unet = unet
        self.side = side
        self.deviation = deviation
        self.alpha_bar = linear_alpha_bar()

    def angle_at(self, t: Tensor, like: Tensor) -> Angle:
        """Compute phi at timesteps `t` (N,), where `like` is and of its kind."""
        return angle(self.alpha_bar.to(like.dtype).to(like.device)[t.to(like.device)].view(-1, 1, 1, 1), self.deviation)

    def answer(self, z: Tensor, means: Tensor, t: Tensor) -> Tensor:
        """Ask the network for v (N,9,H,W) of states `z` at `t` (N,) above `means` (N,3,H,W)."""
        v: Tensor = self.unet(torch.cat([z, means], dim=1).contiguous(memory_format=torch.channels_last), t).sample
        return v

    @torch.no_grad()
    def draw(self, means: Tensor, seeds: Sequence[int], timesteps: Sequence[int] = TIMESTEPS) -> Tensor:
        """Double faces (N,3,H,W) in [-1, 1], the noise of each from its seed: (N,3,2H,2W), whose means of 2x2 they are.

        DDIM from noise (Song et al. 2021) over the `timesteps`, which fall. What leaves [-1, 1] is not clipped.
        """
        n, _, height, width = means.shape
        noise = SeededNoise(seeds).normal((CHANNELS[1], height, width), means)
        band = Band(torch.zeros_like(noise), noise)
        for t in timesteps:
            steps = torch.full((n,), t, device=means.device)
            phi = self.angle_at(steps, means)
            z = phi.state(band)
            band = phi.estimated(z, self.answer(z, means, steps))
        return merge(means, smooth_differences(means) + self.deviation * band.signal)


class FittingOctave:
    """An octave for one run, which goes without it where the device's memory does not hold it.

    Args:
        load: what loads it, when the first face is to be drawn.

    Attributes:
        used: the octave, once it was loaded.
        note: what a person should know; empty if all faces were drawn.
    """

    def __init__(self, load: Callable[[], Octave]):
        self.used: tuple[Octave, ...] = ()
        self.note = ""
        self._load = load

    def draw(self, face: Tensor, seed: int) -> Tensor | None:
        """Double a face (3,H,W), see `Octave.draw`: (3,2H,2W), or None from the first on that does not fit."""
        if self.note:
            return None
        try:
            return Fitting()(partial(self._draw, seed), face[None])[0]
        except NotEnoughMemoryError as error:
            self.note = f"Large faces were not drawn at twice the side: {error}"
        return None

    def _draw(self, seed: int, means: Tensor) -> Tensor:
        self.used = (self._load(),)
        return self.used[0].draw(means, (seed,))


def load_octave(name: str = "embedded", device: str = "auto") -> Octave:
    """Load the octave above the embedded prior, or one in a folder, for inference.

    Raises:
        ValueError: if the folder holds none, or the device is unknown.
    """
    folder = embedded_folder("octave") if name == "embedded" else Path(name)
    unet = load_unet(folder, pick_device(device))
    if (unet.config.in_channels, unet.config.out_channels) != CHANNELS:
        raise DPIError(
            f"{folder}: an octave's network has {CHANNELS[0]} input and {CHANNELS[1]} output channels, this one has "
            f"{unet.config.in_channels} and {unet.config.out_channels}."
        )
    where = folder / SIDECAR
    try:
        told = json.loads(where.read_text())
        side, deviation = told["side"], told["deviation"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DPIError(f"{where}: expected the fields side and deviation as a JSON object.") from error
    if not isinstance(side, int) or side < 1 or not isinstance(deviation, float) or not 0 < deviation < math.inf:
        raise DPIError(f"{where}: side is {side!r} and deviation {deviation!r}; allowed are numbers above 0.")
    return Octave(unet, side, deviation)


def save_octave(octave: Octave, folder: Path) -> None:
    """Write `octave` as float16 safetensors in diffusers' layout with its sidecar, so that `load_octave` reads it."""
    save_unet(octave.unet, folder)
    (folder / SIDECAR).write_text(json.dumps({"side": octave.side, "deviation": octave.deviation}, indent=2) + "\n")
