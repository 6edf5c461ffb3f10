"""Paste-back: nothing changes outside the mask, an untouched crop changes nothing, a new one arrives without a seam."""

import cv2
import numpy as np
import pytest
import skimage.data
from conftest import EXAMPLES
from PIL import Image

from dpi_core.faces.align import crop_face, invert, transform
from dpi_core.faces.colour import from_linear, match_colours, to_linear
from dpi_core.faces.mask import face_mask
from dpi_core.faces.paste import change_mask, paste_face, rescaled
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


PHOTOS = {
    "astronaut.jpg": EYES,
    "grace-hopper.jpg": np.array([[225.0, 192.5], [307.5, 192.5]]),
    "synthetic": np.array([[120.0, 150.0], [190.0, 140.0]]),
}


def photo_named(name: str) -> np.ndarray:
    """A bundled photo, or smooth noise of skin's brightness with a dark top: hair."""
    if name != "synthetic":
        return np.asarray(Image.open(EXAMPLES / name).convert("RGB"))
    noise = np.random.default_rng(0).normal(0, 25, (320, 320, 3)).astype(np.float32)
    photo = 150 + 3 * cv2.GaussianBlur(noise, (0, 0), 2)
    photo[:95] -= 110
    return np.clip(cv2.GaussianBlur(photo, (0, 0), 1.5), 0, 255).astype(np.uint8)


def steps_across_the_rim(photo: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """How far the mean level rises from outside of a mask (H,W) to inside, in 24 sectors around it, (24,3)."""
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    middle = (weight * y).sum() / weight.sum(), (weight * x).sum() / weight.sum()
    sector = ((np.arctan2(y - middle[0], x - middle[1]) / np.pi + 1) * 12).astype(int) % 24
    near = cv2.dilate(weight, np.ones((13, 13))) > 0
    inside, outside = (weight > 0.7) & (weight < 0.999), (weight < 0.02) & near
    return np.array([photo[inside & (sector == i)].mean(0) - photo[outside & (sector == i)].mean(0) for i in range(24)])


def jump_across_the_rim(photo: np.ndarray, weight: np.ndarray) -> float:
    """The mean change of level for each pixel walked across the rim of a mask (H,W), where it is neither 0 nor 1."""
    wy, wx = np.gradient(cv2.GaussianBlur(weight, (0, 0), 1))
    length = np.hypot(wx, wy)
    gy, gx = np.gradient(cv2.GaussianBlur(photo.astype(np.float32), (0, 0), 1), axis=(0, 1))
    rim = (weight > 0.02) & (weight < 0.98) & (length > 1e-3)
    across = (gx * wx[..., None] + gy * wy[..., None])[rim] / length[rim][:, None]
    return float(np.abs(across).mean())


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("gain", [(1.6, 1.1, 0.7), (0.6, 0.65, 0.8)])
def test_no_seam_at_hair_and_chin(name, gain):
    """The true face, but in another light, into a blurred photo: across the mask's rim the levels jump no more than they
    did before the photo was blurred, and no step is added to those that the photo has there."""
    true, points = photo_named(name), points_at(PHOTOS[name])
    photo = cv2.GaussianBlur(true, (0, 0), 1.5)
    crop = crop_face(photo, points)
    restored = from_linear(to_linear(crop_face(true, points).pixels) * np.array(gain, np.float32))
    weight = cv2.warpAffine(
        face_mask(128, transform(points, crop.matrix)), crop.matrix, photo.shape[1::-1], flags=cv2.WARP_INVERSE_MAP | 1
    )
    back = paste_face(photo, match_colours(restored, crop.pixels), crop.matrix, original=crop.pixels, points=points)
    raw = paste_face(photo, restored, crop.matrix, original=crop.pixels, points=points)
    assert jump_across_the_rim(back, weight) <= jump_across_the_rim(true, weight)
    before = steps_across_the_rim(photo, weight)
    added, added_raw = (np.abs(steps_across_the_rim(x, weight) - before).mean() for x in (back, raw))
    assert added < 3
    assert added_raw > 4 * added, "the test must see a seam where there is one"
    assert np.array_equal(back[weight == 0], photo[weight == 0])


def test_the_mask_follows_the_points(photo):
    """What lies beside the oval of the face keeps its bits, though it is in the crop."""
    points = points_at(EYES)
    crop = crop_face(photo, points)
    square = paste_face(photo, 255 - crop.pixels, crop.matrix)
    face = paste_face(photo, 255 - crop.pixels, crop.matrix, points=points)
    kept = (square != photo).any(axis=2) & (face == photo).all(axis=2)
    assert kept.sum() > 0.08 * (square != photo).any(axis=2).sum()
    for x, y in np.rint(points).astype(int):
        assert np.abs(face[y, x].astype(int) - square[y, x]).max() < 40


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


def test_what_changed():
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
    with pytest.raises(ValueError, match="points has shape"):
        paste_face(photo, crop.pixels, crop.matrix, points=np.zeros((4, 2)))
    with pytest.raises(ValueError, match="original"):
        paste_face(photo, crop.pixels, crop.matrix, original=crop.pixels[:64, :64])
