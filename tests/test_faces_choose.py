"""Choosing: the sharp faces are told from the blurred, an aligned picture from a photo, and every choice is checked."""

import cv2
import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core.faces.align import crop_face, similarity, transform
from dpi_core.faces.choose import ALIGNED, chosen_faces, detail, is_sharp, is_soft, off_template, span, square_matrix
from dpi_core.faces.face import Face
from dpi_core.faces.templates import TEMPLATES

TIGHT = TEMPLATES["tight-128"]
# eyes, nose and mouth of Grace Hopper in the bundled portrait
POINTS = np.array([[225.0, 192.5], [307.5, 192.5], [266.5, 239.0], [229.5, 269.0], [303.0, 270.0]])


def face_at(points: np.ndarray) -> Face:
    return Face((0, 0, 1, 1), points, 1.0, "embedded")


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.asarray(Image.open(EXAMPLES / "grace-hopper.jpg").convert("RGB"))


def resized(photo: np.ndarray, scale: float) -> np.ndarray:
    size = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BICUBIC))


def test_the_span_grows_with_the_face():
    assert span(face_at(TIGHT.array())) == pytest.approx(128)
    assert span(face_at(TIGHT.array() * 3 + 7)) == pytest.approx(384)
    wide = TEMPLATES["ffhq-256"]
    assert span(face_at(wide.array()), wide) == pytest.approx(256)


def test_a_large_sharp_face_is_sharp_and_a_small_or_blurred_one_is_not(portrait):
    assert span(face_at(POINTS)) > 160
    assert is_sharp(portrait, face_at(POINTS))
    half = (POINTS + 0.5) / 2 - 0.5
    assert not is_sharp(resized(portrait, 0.5), face_at(half))
    for blurred in (cv2.GaussianBlur(portrait, (0, 0), 5), resized(resized(portrait, 0.15), 1 / 0.15)):
        scale = blurred.shape[1] / portrait.shape[1]
        assert not is_sharp(blurred, face_at((POINTS + 0.5) * scale - 0.5))


def test_detail_falls_with_blur_and_not_with_exposure(portrait):
    crop = crop_face(portrait, POINTS).pixels
    values = [detail(cv2.GaussianBlur(crop, (0, 0), s)) for s in (0.3, 0.6, 1, 2)]
    assert values == sorted(values, reverse=True)
    assert detail(crop // 2) == pytest.approx(detail(crop), rel=0.1)
    assert detail(np.full_like(crop, 90)) < 0.01


@pytest.mark.parametrize("scale", [1, 0.7, 0.4, 0.2])
def test_a_blurred_face_is_soft_and_a_small_one_is_not(portrait, scale):
    photo, points = resized(portrait, scale), (POINTS + 0.5) * scale - 0.5
    for sigma, expected in ((0, False), (2, True), (4, True)):
        seen = cv2.GaussianBlur(photo, (0, 0), sigma) if sigma else photo
        assert is_soft(crop_face(seen, points).pixels, span(face_at(points))) == expected


def test_of_a_face_of_few_pixels_nothing_is_told(portrait):
    crop = np.full_like(crop_face(portrait, POINTS).pixels, 90)
    assert is_soft(crop, 32)
    assert not is_soft(crop, 31)


@pytest.mark.parametrize("sigma", [4, 8, 16])
@pytest.mark.parametrize("coarse", [0, 0.6, 1.0])
def test_grain_is_no_detail(portrait, sigma, coarse):
    grain = np.random.default_rng(0).normal(size=portrait.shape[:2]).astype(np.float32)
    if coarse:
        grain = cv2.GaussianBlur(grain, (0, 0), coarse)
        grain /= grain.std()
    blurred = cv2.GaussianBlur(portrait, (0, 0), 4)
    grainy, grainy_and_sharp = (
        np.clip(photo + sigma * grain[..., None], 0, 255).astype(np.uint8) for photo in (blurred, portrait)
    )
    assert not is_sharp(grainy, face_at(POINTS))
    assert is_sharp(grainy_and_sharp, face_at(POINTS)) or sigma > 8


def test_a_grainy_scan_of_146_pixels_is_not_sharp(portrait):
    """A face that spans 146 pixels of a scan, soft and grainy, as film of the 1960s gives."""
    scale = 146 / span(face_at(POINTS))
    scan = resized(resized(portrait, scale / 2.5), 2.5).astype(np.float32)
    scale = scan.shape[1] / portrait.shape[1]
    scan += np.random.default_rng(1).normal(0, 9, scan.shape[:2])[..., None]
    face = face_at((POINTS + 0.5) * scale - 0.5)
    assert 140 < span(face) < 152
    assert not is_sharp(np.clip(scan, 0, 255).astype(np.uint8), face)


@pytest.mark.parametrize("size", [128, 200, 512, 77])
def test_an_aligned_picture_is_on_its_template(size):
    points = (TIGHT.array() + 0.5) * size / 128 - 0.5
    assert off_template(face_at(points), size, size, TIGHT) < 1e-9
    eyes = np.linalg.norm(points[1] - points[0])
    moved = points + np.array([0.1 * eyes, 0])
    assert off_template(face_at(moved), size, size, TIGHT) == pytest.approx(0.1)
    assert off_template(face_at(points + np.array([0.3 * eyes, 0])), size, size, TIGHT) > ALIGNED
    assert off_template(face_at(points * 0.6 + 0.2 * size), size, size, TIGHT) > ALIGNED
    assert off_template(face_at(points), size, round(size * 1.2), TIGHT) == float("inf")


def test_the_central_square_keeps_pixel_centres():
    matrix = square_matrix(300, 200, 100)
    assert np.allclose(transform(np.array([[49.5, -0.5], [249.5, 199.5]]), matrix), [[-0.5, -0.5], [99.5, 99.5]])
    assert np.allclose(square_matrix(128, 128, 128), np.eye(2, 3))


def test_a_portrait_is_not_aligned_and_its_crop_is(portrait):
    height, width = portrait.shape[:2]
    assert off_template(face_at(POINTS), width, width, TIGHT) > ALIGNED
    crop_points = transform(POINTS, similarity(POINTS, TIGHT.array()))
    assert off_template(face_at(crop_points), 128, 128, TIGHT) < ALIGNED
    assert height != width


def test_every_kind_of_choice():
    sharp = (True, False, False)
    assert chosen_faces(None, sharp) == [0]
    assert chosen_faces(2, sharp) == [2]
    assert chosen_faces(0, sharp) == [0]
    assert chosen_faces([2, 0], sharp) == [2, 0]
    assert chosen_faces((1,), sharp) == [1]
    assert chosen_faces("all", sharp) == [1, 2]
    assert chosen_faces("all", sharp, include_sharp=True) == [0, 1, 2]


@pytest.mark.parametrize("face", [3, -1, True, 1.0, "0", "every", [], [0, 0], [0, 3], ["all"], [True], {0: 1}])
def test_a_wrong_choice_is_named(face):
    with pytest.raises(ValueError, match=r"face is .*; allowed is 0 to 2"):
        chosen_faces(face, (False, False, False))


def test_all_of_nothing_says_what_to_do():
    with pytest.raises(ValueError, match=r"The only face is larger and sharper.*by its index"):
        chosen_faces("all", (True,))
    with pytest.raises(ValueError, match="All 2 faces are"):
        chosen_faces("all", (True, True))
