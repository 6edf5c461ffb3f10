"""Beyond the photo's edge a crop is soft; inside not one pixel changes."""

import numpy as np
import pytest

from dpi_core.faces.align import similarity, transform, warp_to_crop
from dpi_core.faces.beyond import distance_beyond, soften_beyond
from dpi_core.faces.templates import TEMPLATES

TIGHT = TEMPLATES["tight-128"]
PHOTO = np.random.default_rng(0).integers(0, 256, (200, 240, 3), dtype=np.uint8)


def shifted(x: float, y: float, degrees: float = 0.0, scale: float = 1.0) -> np.ndarray:
    """The matrix of a face at (x, y) of the photo."""
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return similarity((TIGHT.array() - 63.5) @ turn.T + (x, y), TIGHT.array())


@pytest.mark.parametrize(
    "matrix", [shifted(20, 90), shifted(230, 190, 25), shifted(120, 100, 10, 2.5), shifted(60, 20, -40, 0.8)]
)
def test_pixels_of_the_photo_stay_and_the_others_get_softer(matrix):
    crop = warp_to_crop(PHOTO, matrix, 128)
    out = soften_beyond(crop, matrix, 240, 200)
    away = distance_beyond(128, matrix, 240, 200)
    assert away.max() > 0
    assert np.array_equal(out[away == 0], crop[away == 0])
    far = away > 8
    if far.sum() > 200:
        assert out[far].std() < 0.6 * crop[far].std()


def test_a_crop_inside_the_photo_is_left_alone():
    crop = warp_to_crop(PHOTO, shifted(120, 100), 128)
    assert soften_beyond(crop, shifted(120, 100), 240, 200) is crop


def test_distances_are_in_crop_pixels_from_the_photos_edge():
    matrix = np.array([[2.0, 0.0, 30.0], [0.0, 2.0, -500.0]])  # the photo's left edge, x = -0.5, lies at crop 29
    away = distance_beyond(64, matrix, 1000, 1000)
    assert away[10, 29] == 0
    assert away[10, 28] == pytest.approx(1)
    assert away[10, 0] == pytest.approx(29)
    corner = transform(np.array([[-3.5, -4.5]]), np.eye(2, 3) + np.array([[0, 0, 10], [0, 0, 10]]))[0].astype(int)
    assert distance_beyond(64, np.eye(2, 3) + np.array([[0, 0, 10], [0, 0, 10]]), 99, 99)[corner[1], corner[0]] > 4.5


def test_far_outside_is_the_median():
    crop = warp_to_crop(PHOTO, shifted(-70, 100), 128)
    out = soften_beyond(crop, shifted(-70, 100), 240, 200)
    assert np.abs(out[:, :60].astype(int) - np.median(crop, axis=(0, 1))).max() <= 1


def test_a_constant_photo_stays_constant():
    flat = np.full((128, 128, 3), (9, 120, 250), np.uint8)
    assert np.array_equal(soften_beyond(flat, shifted(10, 10), 240, 200), flat)
