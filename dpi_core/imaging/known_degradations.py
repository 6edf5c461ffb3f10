"""Every degradation by its name. Each is a frozen dataclass whose fields are its parameters, and a `Degrading`; the same
generator gives the same result.

Pose is no damage to pixels and not among them: it takes other photographs.
"""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Protocol

import numpy as np
from PIL import Image, ImageDraw

from dpi_core.errors import DPIError
from dpi_core.imaging.degradation import Degradation
from dpi_core.imaging.second_order import SecondOrder


class Degrading(Protocol):
    """What makes a low-resolution face of a face."""

    @property
    def scale(self) -> float:
        """The factor of the reduction, the same for every face."""
        ...

    def apply(self, face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Degrade an RGB image (H,W,3) uint8; returns (h,w,3) uint8 with h = round(H / scale)."""
        ...


@dataclass(frozen=True)
class Blind:
    """Draw blur, kernel, noise and JPEG for each face, up to these strengths."""

    scale: float = 8.0
    blur: float = 3.0
    noise: float = 15.0
    jpeg: int = 40

    def apply(self, face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        drawn = Degradation(
            scale=self.scale,
            kernel=str(rng.choice(["bicubic", "area"])),
            blur=float(rng.uniform(0.2, self.blur)),
            noise=float(rng.uniform(0, self.noise)),
            jpeg=int(rng.integers(self.jpeg, 95)),
        )
        return drawn.apply(face, rng)


@dataclass(frozen=True)
class LowLight:
    """Take the face in little light, as cameras do: few photons, amplified, with the noise of both (Foi et al. 2008).

    Attributes:
        scale: reduction, before the light is counted.
        photons: electrons that white would give a pixel; fewer are noisier.
        read_noise: deviation of the sensor's own noise, in electrons.
        brightness: how bright the amplified picture is, of linear light.
    """

    scale: float = 8.0
    photons: float = 100.0
    read_noise: float = 2.0
    brightness: float = 0.4

    def apply(self, face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        encoded = Degradation(self.scale).apply(face, rng) / 255.0
        linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
        electrons = rng.poisson(linear * self.photons) + rng.normal(0.0, self.read_noise, linear.shape)
        light = np.clip(electrons / self.photons * self.brightness, 0.0, 1.0)
        encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
        return np.rint(encoded * 255).astype(np.uint8)


@dataclass(frozen=True)
class Occlusion:
    """Hide a part of the face behind an ellipse of one colour, at a place, of a shape and a colour drawn for each face.

    Attributes:
        scale: reduction, after that.
        share: of the picture's area that the ellipse has.
    """

    scale: float = 8.0
    share: float = 0.15

    def apply(self, face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        height, width = face.shape[:2]
        stretch = rng.uniform(0.6, 1 / 0.6)
        radius = (self.share * height * width / np.pi) ** 0.5
        rx, ry = radius * stretch**0.5, radius / stretch**0.5
        x, y = (rng.uniform(0.25, 0.75) * side for side in (width, height))
        picture = Image.fromarray(face)
        colour = tuple(int(level) for level in rng.integers(0, 256, 3))
        ImageDraw.Draw(picture).ellipse((x - rx, y - ry, x + rx, y + ry), fill=colour)
        return Degradation(self.scale).apply(np.asarray(picture), rng)


@dataclass(frozen=True)
class Worn:
    """Damage a photograph at its own size, and reduce its crop to what such a face still seems to hold, as a run does.

    Attributes:
        scale: the crop's reduction, after the damage.
        shrunk: by what the face is smaller in the photo than its crop; `blur` is in the crop's pixels, `noise` and `jpeg` at
            the photo's size, as in `Degradation`.
    """

    scale: float = 4.0
    shrunk: float = 1.25
    blur: float = 2.0
    noise: float = 6.0
    jpeg: int = 45

    def apply(self, face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        photo = Degradation(self.shrunk, blur=self.blur, noise=self.noise, jpeg=self.jpeg).apply(face, rng)
        crop = Image.fromarray(photo).resize(face.shape[1::-1], Image.Resampling.BICUBIC)
        return Degradation(self.scale).apply(np.asarray(crop), rng)


@dataclass(frozen=True)
class AsItIs:
    """Leave a photograph as bad as it is: no truth is known. `scale`: by what it can be reduced without a loss."""

    scale: float = 4.0

    def apply(self, face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return Degradation(self.scale).apply(face, rng)


KINDS: dict[str, type] = {
    "chain": Degradation,
    "blind": Blind,
    "second-order": SecondOrder,
    "low-light": LowLight,
    "occlusion": Occlusion,
    "worn": Worn,
    "as-is": AsItIs,
}
"""Kind of degradation -> the dataclass whose fields are its parameters."""


class Known(NamedTuple):
    """A degradation, and a line on it."""

    degradation: Degrading
    about: str


DEGRADATIONS: dict[str, Known] = {
    "x4": Known(Degradation(scale=4), "bicubic reduction by 4"),
    "x8": Known(Degradation(scale=8), "bicubic reduction by 8"),
    "x16": Known(Degradation(scale=16), "bicubic reduction by 16"),
    "blind-mild": Known(
        Degradation(8, blur=1.0, noise=3.0, jpeg=85), "blur 1 px, reduced by 8, noise 3 levels, JPEG 85"
    ),
    "blind-medium": Known(
        Degradation(8, blur=2.0, noise=8.0, jpeg=60), "blur 2 px, reduced by 8, noise 8 levels, JPEG 60"
    ),
    "blind-heavy": Known(
        Degradation(8, blur=4.0, noise=15.0, jpeg=40), "blur 4 px, reduced by 8, noise 15 levels, JPEG 40"
    ),
    "blind": Known(Blind(), "blur up to 3 px, reduced by 8, noise up to 15 levels, JPEG 40 to 94, drawn for each face"),
    "second-order": Known(SecondOrder(), "Real-ESRGAN's two passes of blur, resize, noise and JPEG, to a quarter"),
    "low-light": Known(LowLight(), "reduced by 8, white at 100 photons a pixel, left at 0.4 of the brightness"),
    "occlusion": Known(Occlusion(), "an ellipse over 15 % of the face, reduced by 8"),
    "worn": Known(
        Worn(),
        "blur 2 px, reduced by 1.25, noise 6 levels, JPEG 45, taken to hold a quarter of the pixels nevertheless",
    ),
    "as-is": Known(AsItIs(), "nothing: photographs that are bad already, taken to hold a quarter of the pixels"),
}


def degradation_of(name: str) -> Degrading:
    """Return the degradation of that name; DPIError names those there are."""
    if name not in DEGRADATIONS:
        raise DPIError(f"degradation is {name!r}; allowed is one of {', '.join(DEGRADATIONS)}.")
    return DEGRADATIONS[name].degradation


def make_degradation(kind: str, parameters: dict[str, Any]) -> Degrading:
    """Make a degradation of a kind, with its own values for some of its parameters.

    Raises:
        ValueError: on an unknown kind or parameter, or a value that is no number where one is wanted.
    """
    if kind not in KINDS:
        raise DPIError(f"kind is {kind!r}; allowed is one of {', '.join(KINDS)}.")
    allowed = {field.name: field for field in fields(KINDS[kind])}
    for name, value in parameters.items():
        if name not in allowed:
            raise DPIError(f"degradation {kind} has no parameter {name!r}; allowed are {', '.join(allowed)}.")
        number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        if name == "kernel" and value not in ("bicubic", "area"):
            raise DPIError(f"kernel is {value!r}; allowed is bicubic or area.")
        if name != "kernel" and not number:
            raise DPIError(f"{name} of {kind} is {value!r}; allowed is a number from 0.")
        if name == "scale" and value < 1:
            raise DPIError(f"scale of {kind} is {value!r}; allowed is a number from 1.")
        if name == "jpeg" and not (isinstance(value, int) and 1 <= value <= 95):
            raise DPIError(f"jpeg of {kind} is {value!r}; allowed is a whole number from 1 to 95.")
    return KINDS[kind](**parameters)  # type: ignore[no-any-return]


def known_noise(degradation: Degrading) -> float:
    """Tell the deviation of the noise in every result, in 8-bit levels, where it is one for all; 0 where it is not."""
    return degradation.noise if isinstance(degradation, Degradation) else 0.0
