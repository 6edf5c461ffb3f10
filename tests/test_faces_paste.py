"""Paste-back: nothing changes outside the mask, an untouched crop changes nothing, a new one arrives without a seam."""

import numpy as np
import pytest
import skimage.data

from dpi_core.faces.align import crop_face, invert, transform
from dpi_core.faces.paste import change_mask, paste_face, rescaled, soft_mask
from dpi_core.faces.templates import TEMPLATES

EYES = np.array([[202.5, 100.4], [246.8, 102.5]])  # of the astronaut


def points_at(eyes: np.ndarray) -> np.ndarray:
    """Five points of a template face whose eyes lie there."""
    template = TEMPLATES["tight-128"].array()
    along, across = eyes[1] - eyes[0], template[1] - template[0]
    turn = complex(*along) / complex(*across)
    moved = (template - template[0]) @ np.array([[turn.real, turn.imag], [-turn.imag, turn.real]])
    return moved + eyes[0]


def inside(shape: tuple[int, ...], matrix: np.ndarray, size: int) -> np.ndarray:
    """Which photo pixels lie in the crop's square, one pixel wider."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    there = transform(np.stack([x.ravel(), y.ravel()], axis=1), matrix)
    return ((there > -1.5) & (there < size + 0.5)).all(axis=1).reshape(shape[:2])


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return skimage.data.astronaut()


@pytest.mark.parametrize("spread", [0.2, 0.5, 0.7, 1.0])
def test_align_then_paste_is_the_identity(photo, spread):
    middle = EYES.mean(axis=0)
    crop = crop_face(photo, points_at(middle + (EYES - middle) * spread))
    back = paste_face(photo, crop.pixels, crop.matrix)
    area = inside(photo.shape, crop.matrix, 128)
    assert np.array_equal(back[~area], photo[~area])
    assert np.abs(back.astype(int) - photo)[area].mean() < 1.0


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.5])
def test_an_untouched_crop_changes_no_bit_when_it_is_given(photo, spread):
    middle = EYES.mean(axis=0)
    crop = crop_face(photo, points_at(middle + (EYES - middle) * spread))
    assert np.array_equal(paste_face(photo, crop.pixels, crop.matrix, original=crop.pixels), photo)


def test_the_photo_given_is_left_as_it_is(photo):
    before = photo.copy()
    crop = crop_face(photo, points_at(EYES))
    paste_face(photo, 255 - crop.pixels, crop.matrix)
    assert np.array_equal(photo, before)


@pytest.mark.parametrize("original", [False, True])
def test_a_new_face_replaces_the_middle(photo, original):
    crop = crop_face(photo, points_at(EYES))
    new = np.full_like(crop.pixels, (200, 30, 90))
    back = paste_face(photo, new, crop.matrix, original=crop.pixels if original else None)
    x, y = np.rint(transform(np.array([[63.5, 63.5]]), invert(crop.matrix))[0]).astype(int)
    assert np.abs(back[y - 8 : y + 8, x - 8 : x + 8].astype(int) - (200, 30, 90)).max() <= 1


def test_no_seam():
    """A grey face into a black photo: no neighbouring pixels differ by more than a soft ramp's step."""
    photo = np.zeros((300, 300, 3), np.uint8)
    crop = crop_face(photo, points_at(np.array([[120.0, 120.0], [172.0, 128.0]])))
    back = paste_face(photo, np.full_like(crop.pixels, 200), crop.matrix).astype(int)
    assert max(np.abs(np.diff(back, axis=0)).max(), np.abs(np.diff(back, axis=1)).max()) <= 30
    assert back.max() == 200


def test_a_constant_face_stays_constant():
    photo = np.full((200, 260, 3), 77, np.uint8)
    crop = crop_face(photo, points_at(np.array([[100.0, 80.0], [140.0, 90.0]])))
    assert np.array_equal(paste_face(photo, crop.pixels, crop.matrix), photo)


def test_a_face_half_outside_and_one_wholly_outside(photo):
    for eyes in (EYES - np.array([220, 100]), EYES + np.array([4000, 0])):
        crop = crop_face(photo, points_at(eyes))
        back = paste_face(photo, 255 - crop.pixels, crop.matrix)
        area = inside(photo.shape, crop.matrix, 128)
        assert back.shape == photo.shape
        assert np.array_equal(back[~area], photo[~area])


def test_a_larger_restoration_lands_on_the_same_place(photo):
    crop = crop_face(photo, points_at(EYES))
    double = np.repeat(np.repeat(crop.pixels, 2, axis=0), 2, axis=1)
    back = paste_face(photo, double, rescaled(crop.matrix, 128, 256))
    assert np.abs(back.astype(int) - photo)[inside(photo.shape, crop.matrix, 128)].mean() < 3


def test_strips_leave_no_trace():
    """A face taller than one strip of rows is pasted as one piece."""
    photo = np.full((1500, 1500, 3), 60, np.uint8)
    crop = crop_face(photo, points_at(np.array([[500.0, 600.0], [1000.0, 600.0]])))
    y = np.linspace(0, 255, 128)[:, None, None]
    back = paste_face(photo, np.broadcast_to(y, (128, 128, 3)).astype(np.uint8), crop.matrix).astype(int)
    assert np.abs(np.diff(back[300:1300, 740], axis=0)).max() <= 3


def test_masks():
    mask = soft_mask(64)
    assert mask.max() == 1
    assert mask[32, 32] == 1
    assert mask[0].max() < 1e-6
    assert mask[:, -1].max() < 1e-6
    assert np.allclose(mask, mask.T, atol=1e-6)
    assert np.allclose(mask, mask[::-1], atol=1e-6)
    face = np.zeros((64, 64, 3), np.uint8)
    other = face.copy()
    other[:, 32:] = 40
    change = change_mask(other, face)
    assert change[:, :20].max() == 0
    assert change[:, 44:].min() == 1


def test_shapes_are_checked(photo):
    crop = crop_face(photo, points_at(EYES))
    with pytest.raises(ValueError, match="expected"):
        paste_face(photo, crop.pixels[:100], crop.matrix)
    with pytest.raises(ValueError, match="original"):
        paste_face(photo, crop.pixels, crop.matrix, original=crop.pixels[:64, :64])
