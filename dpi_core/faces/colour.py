"""Colours of a restored crop, matched to the photo it goes into.

A prior drifts in exposure and white balance. Both are gains on the light, so they are removed as gains on the light:
with L = sRGB decoded, G a Gaussian wider than any feature that a restoration brings, and a small e against noise in the
dark,

    L' = L (G(L_reference) + e) / (G(L_restored) + e),   per channel, the gain within 1/3 and 3.

A gain that varies slowly keeps every local contrast, and it commutes with blur: a restored face that is only sharper
than the reference has gain 1.
"""

import cv2
import numpy as np
from PIL import Image

from dpi_core.errors import DPIError

WIDTH = 1 / 12  # sigma of G, as a part of the crop's side
LEAST_LIGHT = 0.01  # of white
MAX_GAIN = 3.0
GREY_TOLERANCE = 2.5  # median spread of the channels of a black-and-white face, in levels: JPEG leaves some


def is_grey(crop: np.ndarray) -> bool:
    """Tell whether the face of an aligned crop (S,S,3) uint8 is black and white, whatever colours lie around or on it."""
    quarter = len(crop) // 4
    middle = crop[quarter : len(crop) - quarter, quarter : len(crop) - quarter]
    return float(np.median(np.ptp(middle, axis=2))) <= GREY_TOLERANCE


def as_grey(image: Image.Image) -> Image.Image:
    """Take the colours out of an RGB picture, which stays RGB."""
    return image.convert("L").convert("RGB")


def to_linear(pixels: np.ndarray) -> np.ndarray:
    """Convert sRGB levels, uint8 of any shape, to linear light, float32 in [0, 1]."""
    return _DECODED[pixels]


def from_linear(light: np.ndarray) -> np.ndarray:
    """Convert linear light of any shape to sRGB levels, uint8; what is beyond [0, 1] is clipped."""
    light = np.clip(light, 0, 1)
    levels = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)
    return np.rint(levels * 255).astype(np.uint8)


def match_colours(restored: np.ndarray, reference: np.ndarray, width: float = WIDTH) -> np.ndarray:
    """Return the restored crop (S,S,3) uint8 in the light of `reference` (S,S,3) uint8, the same crop of the photo.

    Args:
        width: sigma of the low-pass that tells light from features, as a part of the side.

    Raises:
        ValueError: if the shapes differ.
    """
    if restored.shape != reference.shape or restored.ndim != 3 or restored.shape[2] != 3:
        raise DPIError(f"restored is {restored.shape} and reference {reference.shape}; expected (S, S, 3) for both.")
    light, wanted = to_linear(restored), to_linear(reference)
    sigma = width * restored.shape[0]
    blurred, target = (cv2.GaussianBlur(x, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) for x in (light, wanted))
    gain = np.clip((target + LEAST_LIGHT) / (blurred + LEAST_LIGHT), 1 / MAX_GAIN, MAX_GAIN)
    return from_linear(light * gain)


_LEVELS = np.arange(256) / 255
_DECODED = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
