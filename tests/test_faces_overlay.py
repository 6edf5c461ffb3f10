"""Lettering over a face is told from the face: found where it is printed, not where there is none, and left in the photo."""

import cv2
import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image, ImageDraw, ImageFont

from dpi_core.faces.align import crop_face
from dpi_core.faces.mask import face_mask
from dpi_core.faces.overlay import lettering
from dpi_core.faces.paste import paste_face
from dpi_core.faces.templates import TEMPLATES

POINTS = np.array([[202.5, 100.4], [246.8, 102.5], [226.0, 126.0], [206.0, 146.0], [243.0, 147.5]])  # the astronaut's
FACE = face_mask(128, TEMPLATES["tight-128"].array())


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    """The face as a perfect restoration would show it."""
    photo = np.asarray(Image.open(EXAMPLES / "astronaut.jpg").convert("RGB"))
    return crop_face(photo, POINTS).pixels


def worn(crop: np.ndarray, sigma: float = 2.0, noise: float = 3.0) -> np.ndarray:
    blurred = cv2.GaussianBlur(crop, (0, 0), sigma).astype(np.float32)
    grain = np.random.default_rng(0).normal(0, noise, crop.shape)
    return np.clip(blurred + grain, 0, 255).astype(np.uint8)


def printed(crop: np.ndarray, colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The crop with large letters over it, and where they are."""
    size = crop.shape[0]
    letters = Image.new("L", (size, size), 0)
    font = ImageFont.load_default(size=size * 26 // 128)
    ImageDraw.Draw(letters).text((size * 14 // 128, size * 52 // 128), "SAMPLE", 255, font)
    strokes = np.asarray(letters) / 255.0
    mixed = crop * (1 - strokes[..., None]) + np.array(colour) * strokes[..., None]
    return np.rint(mixed).astype(np.uint8), strokes > 0.5


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (200, 0, 0)])
def test_letters_are_found_where_they_are(clean, colour, size):
    large = np.asarray(Image.fromarray(clean).resize((size, size), Image.Resampling.BICUBIC))
    crop, strokes = printed(worn(large, 2 * size / 128), colour)
    found = lettering(crop, large, cv2.resize(FACE, (size, size)))
    assert found.shape == (size, size)
    on_face = strokes & (cv2.resize(FACE, (size, size)) > 0.6)
    assert found[on_face].mean() > 0.9
    assert found.mean() < 0.3


@pytest.mark.parametrize("sigma", [0, 0.7, 2, 5])
@pytest.mark.parametrize("noise", [0, 10, 40])
def test_a_face_without_letters_has_none_however_worn(clean, sigma, noise):
    crop = (
        worn(clean, sigma, noise)
        if sigma
        else np.clip(clean + np.random.default_rng(0).normal(0, noise or 1e-6, clean.shape), 0, 255).astype(np.uint8)
    )
    for restored in (clean, cv2.GaussianBlur(clean, (0, 0), 1.5), np.ascontiguousarray(clean[:, ::-1])):
        assert lettering(crop, restored, FACE) is None


def test_what_restoration_kept_is_no_lettering(clean):
    crop, _ = printed(worn(clean), (255, 255, 255))
    assert lettering(crop, crop, FACE) is None


def test_the_photo_keeps_what_is_left_alone(clean):
    photo = worn(clean)
    left = np.zeros((128, 128), np.float32)
    left[60:80] = 1
    pasted = paste_face(photo, 255 - clean, np.eye(2, 3), left_alone=left)
    assert np.array_equal(pasted[60:80], photo[60:80])
    assert not np.array_equal(pasted[40:55], photo[40:55])
