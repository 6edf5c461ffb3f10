"""Colours: a change of light is taken back, a change of detail is not."""

import cv2
import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core.faces.align import crop_face
from dpi_core.faces.colour import from_linear, match_colours, to_linear

EYES = {"astronaut.jpg": [[202.5, 100.4], [246.8, 102.5]], "grace-hopper.jpg": [[225.0, 192.5], [307.5, 192.5]]}


@pytest.fixture(params=EYES, scope="module")
def crop(request) -> np.ndarray:
    photo = np.asarray(Image.open(EXAMPLES / request.param))
    eyes = np.array(EYES[request.param])
    across = eyes[1] - eyes[0]
    down = np.array([-across[1], across[0]])
    points = np.stack(
        [*eyes, eyes.mean(0) + 0.57 * down, eyes[0] + 0.05 * across + down, eyes[1] - 0.08 * across + down]
    )
    return crop_face(photo, points).pixels


def test_levels_come_back_exactly():
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(from_linear(to_linear(levels)), levels)
    light = to_linear(levels)
    assert light[0] == 0
    assert light[255] == 1
    assert (np.diff(light) > 0).all()
    assert light[188] == pytest.approx(0.5, abs=0.01)  # half of the light is level 188
    assert np.array_equal(from_linear(np.array([-1.0, 2.0])), [0, 255])


def test_equal_crops_stay_bit_identical(crop):
    assert np.array_equal(match_colours(crop, crop), crop)


@pytest.mark.parametrize("gain", [(1.3, 1.0, 0.8), (0.7, 0.7, 0.7), (0.9, 1.1, 1.0)])
def test_a_change_of_exposure_or_white_balance_is_taken_back(crop, gain):
    drifted = from_linear(to_linear(crop) * np.array(gain, np.float32))
    unclipped = (to_linear(crop) * np.array(gain) < 0.98).all(axis=2) & (crop > 12).all(axis=2)
    before = np.abs(drifted.astype(int) - crop)[unclipped].mean()
    after = np.abs(match_colours(drifted, crop).astype(int) - crop)[unclipped].mean()
    assert after < 0.2 * before


def test_restored_detail_stays(crop):
    """The photo is a blurred copy of the restored face: the match must give the face, not the copy."""
    blurred = cv2.GaussianBlur(crop, (0, 0), 3)
    matched = match_colours(crop, blurred)
    lost = np.abs(crop.astype(int) - blurred).mean()
    assert np.abs(matched.astype(int) - crop).mean() < 0.3 * lost


def test_a_wild_reference_changes_the_light_by_three_at_most():
    grey = np.full((64, 64, 3), 120, np.uint8)
    bright = to_linear(match_colours(grey, np.full_like(grey, 255)))
    dark = to_linear(match_colours(grey, np.zeros_like(grey)))
    assert bright.max() / to_linear(grey).max() == pytest.approx(3, rel=0.02)
    assert to_linear(grey).max() / dark.max() == pytest.approx(3, rel=0.05)


def test_shapes_are_checked(crop):
    with pytest.raises(ValueError, match="expected"):
        match_colours(crop, crop[:64, :64])
    with pytest.raises(ValueError, match="expected"):
        match_colours(crop[..., 0], crop[..., 0])
