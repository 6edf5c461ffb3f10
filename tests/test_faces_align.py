"""Alignment: similarities come back exactly, crops neither shift nor alias."""

import numpy as np
import pytest

from dpi_core.faces.align import crop_face, face_matrix, invert, scale_of, similarity, transform, warp_to_crop
from dpi_core.faces.templates import TEMPLATES, TIGHT_200


def turned(points: np.ndarray, scale: float, degrees: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.radians(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ linear.T + shift


@pytest.mark.parametrize("scale", [0.05, 1.0, 30.0])
@pytest.mark.parametrize("degrees", [0, 37, -120, 180])
def test_a_similarity_is_recovered_exactly(scale, degrees):
    template = TEMPLATES["tight-128"].array()
    photo = turned(template, scale, degrees, (300.25, -40.5))
    matrix = similarity(photo, template)
    assert np.allclose(transform(photo, matrix), template, atol=1e-9)
    assert scale_of(matrix) == pytest.approx(1 / scale)


def test_a_mirrored_face_is_not_mirrored_back():
    template = TEMPLATES["tight-128"].array()
    matrix = similarity(template * (-1, 1), template)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_least_squares_beats_nearby_transforms():
    rng = np.random.default_rng(0)
    target = TEMPLATES["tight-128"].array()
    source = target + rng.normal(0, 6, target.shape)
    best = similarity(source, target)

    def error(matrix):
        return np.square(transform(source, matrix) - target).sum()

    for _ in range(50):
        other = best.copy()
        a, b = rng.normal(0, 0.01, 2)
        other[:, :2] = best[:, :2] @ np.array([[1 + a, -b], [b, 1 + a]])
        other[:, 2] += rng.normal(0, 0.3, 2)
        assert error(best) <= error(other)


@pytest.mark.parametrize("points", [np.full((5, 2), 3.0), np.full((5, 2), np.nan), np.zeros((4, 2))])
def test_useless_points_are_refused(points):
    with pytest.raises(ValueError, match="points"):
        similarity(points, TEMPLATES["tight-128"].array())


def test_unknown_template_names_the_known_ones():
    with pytest.raises(ValueError, match="tight-128"):
        crop_face(np.zeros((9, 9, 3), np.uint8), TEMPLATES["tight-128"].array(), "tight")


def test_template_rescaling_keeps_pixel_centres():
    half = TIGHT_200.resized(100).array()
    assert np.allclose((half + 0.5) * 2 - 0.5, TIGHT_200.array())


def test_identity_crop_is_the_photo():
    photo = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    crop = crop_face(photo, TEMPLATES["tight-128"].array())
    assert np.array_equal(crop.pixels, photo)


@pytest.mark.parametrize("scale", [0.03, 0.3, 1.0, 1.7, 8.0])
def test_a_constant_photo_gives_a_constant_crop(scale):
    photo = np.full((90, 120, 3), (10, 128, 250), np.uint8)
    points = turned(TEMPLATES["tight-128"].array() - 64, scale, 15, (60, 45))
    crop = crop_face(photo, points).pixels
    assert np.abs(crop.astype(int) - (10, 128, 250)).max() <= 1


@pytest.mark.parametrize("scale", [0.6, 1.0, 1.5, 3.3, 9.7])
def test_a_ramp_lands_where_the_matrix_says(scale):
    """Each crop pixel of a linear ramp holds the ramp's value at the photo point the matrix maps to it."""
    y, x = np.mgrid[0:900, 0:900]
    ramp = 20 + 200 * (0.7 * x + 0.3 * y) / 900
    photo = np.repeat(np.rint(ramp)[..., None], 3, axis=2).astype(np.uint8)
    size = 64
    points = turned(TEMPLATES["tight-128"].resized(size).array() - 31.5, scale, 20, (450.3, 449.6))
    matrix = similarity(points, TEMPLATES["tight-128"].resized(size).array())
    crop = warp_to_crop(photo, matrix, size)[..., 0]
    v, u = np.mgrid[0:size, 0:size]
    there = transform(np.stack([u.ravel(), v.ravel()], axis=1), invert(matrix)).reshape(size, size, 2)
    expected = 20 + 200 * (0.7 * there[..., 0] + 0.3 * there[..., 1]) / 900
    error = (crop - expected)[4:-4, 4:-4]
    assert abs(error.mean()) < 0.15  # a shift of half a photo pixel would be 0.1 per pixel of scale
    assert np.abs(error).max() < 1.6


def test_a_moved_photo_gives_the_same_crop():
    rng = np.random.default_rng(1)
    photo = rng.integers(0, 256, (300, 300, 3), dtype=np.uint8)
    points = turned(TEMPLATES["tight-128"].array() - 64, 0.8, 10, (140, 150))
    moved = np.roll(photo, (7, 11), axis=(0, 1))
    difference = crop_face(photo, points).pixels.astype(int) - crop_face(moved, points + np.array([11, 7])).pixels
    assert np.abs(difference).mean() < 0.1  # positions are rounded to 1/32 pixel, some of them the other way


@pytest.mark.parametrize("scale", [2.0, 2.6, 6.0, 11.3])
def test_shrinking_does_not_alias(scale):
    """A checkerboard of single pixels becomes flat grey."""
    board = ((np.indices((1600, 1600)).sum(axis=0) % 2) * 255).astype(np.uint8)
    photo = np.repeat(board[..., None], 3, axis=2)
    points = turned(TEMPLATES["tight-128"].array() - 64, scale, 0, (800.3, 800.1))
    crop = crop_face(photo, points).pixels[8:-8, 8:-8].astype(float)
    assert crop.std() < 8
    assert abs(crop.mean() - 127.5) < 2


def test_a_crop_beyond_the_photo_mirrors_it():
    photo = np.random.default_rng(2).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    crop = crop_face(photo, TEMPLATES["tight-128"].array() - (10, 0)).pixels
    assert np.array_equal(crop[:, 10:], photo[:, :-10])
    mirrored = photo[:, 1:11][:, ::-1].astype(int)
    assert np.abs(crop[:, 9] - mirrored[:, 9]).mean() < np.abs(crop[:, 0] - mirrored[:, 0]).mean()
    assert crop[:, :8].std() < 0.6 * mirrored.std(), "it is blurred"


def landmarks_around(five: np.ndarray) -> np.ndarray:
    """68 landmarks whose eyes have those middles and whose mouth has those corners."""
    points = np.zeros((68, 2))
    ring = np.stack([np.cos(np.arange(6) * np.pi / 3), np.sin(np.arange(6) * np.pi / 3)], axis=1)
    points[36:42], points[42:48], points[30] = five[0] + 3 * ring, five[1] + 3 * ring, five[2]
    points[48], points[54] = five[3], five[4]
    return points


def published_quad(lm: np.ndarray) -> np.ndarray:
    """The corners that FFHQ's published rule gives, upper left, lower left, lower right, upper right."""
    eyes = np.stack([lm[36:42].mean(0), lm[42:48].mean(0)])
    e, m = eyes[1] - eyes[0], (lm[48] + lm[54]) / 2 - eyes.mean(0)
    x = e - m[::-1] * (-1, 1)
    x = x / np.hypot(*x) * max(np.hypot(*e) * 2.0, np.hypot(*m) * 1.8)
    y = x[::-1] * (-1, 1)
    c = eyes.mean(0) + m * 0.1
    return np.stack([c - x - y, c - x + y, c + x + y, c + x - y])


@pytest.mark.parametrize("degrees", [0, 33, -150])
@pytest.mark.parametrize("stretch", [(1.0, 1.0), (1.0, 1.4), (0.7, 1.0)])
def test_the_quad_is_the_published_one(degrees, stretch):
    five = turned(TIGHT_200.array() * stretch, 0.7, degrees, (410.0, 300.0))
    lm = landmarks_around(five)
    matrix = face_matrix(lm, TEMPLATES["ffhq-256"])
    corners = np.array([(-0.5, -0.5), (-0.5, 255.5), (255.5, 255.5), (255.5, -0.5)])
    assert np.allclose(transform(published_quad(lm), matrix), corners)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_the_quad_of_the_mean_face_is_near_the_five_point_crop():
    template = TEMPLATES["ffhq-256"]
    matrix = face_matrix(landmarks_around(template.array()), template)
    moved = transform(template.array(), matrix)
    assert np.abs(moved - template.array()).max() < 8
    assert np.allclose(face_matrix(template.array(), template), np.eye(2, 3))


def test_landmarks_align_to_a_template_without_a_rule_by_five_points():
    five = turned(TIGHT_200.array(), 0.5, 12, (90.0, 40.0))
    tight = TEMPLATES["tight-128"]
    assert np.allclose(face_matrix(landmarks_around(five), tight), similarity(five, tight.array()))


@pytest.mark.parametrize("points", [np.full((68, 2), np.nan), np.ones((68, 2)), np.ones((5, 3)), np.ones((12, 2))])
def test_useless_landmarks_are_refused(points):
    with pytest.raises(ValueError, match="points"):
        face_matrix(points, TEMPLATES["ffhq-256"])


def test_a_side_beyond_what_opencv_warps_changes_nothing():
    photo = np.random.default_rng(0).integers(0, 256, (220, 400, 3), np.uint8)
    points = TEMPLATES["tight-128"].array() * 1.1 + np.array([90, 20])
    wide = np.full((220, 33_000, 3), 128, np.uint8)
    wide[:, 16_000:16_400] = photo
    expected = crop_face(photo, points).pixels
    assert np.array_equal(crop_face(wide, points + np.array([16_000, 0])).pixels, expected)
