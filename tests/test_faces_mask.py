"""Masks: they follow the face as it moves, turns and looks aside, hold its features and vanish on the crop's edge."""

import cv2
import numpy as np
import pytest

from dpi_core.faces.align import transform
from dpi_core.faces.mask import face_mask, face_outline, soft_mask
from dpi_core.faces.templates import TEMPLATES

TIGHT, WIDE = TEMPLATES["tight-128"].array(), TEMPLATES["ffhq-256"].array()


def landmarks_68() -> np.ndarray:
    """A plausible set in the tight crop of 128: jaw, brows, nose, eyes, mouth around the template's points."""
    left, right, nose, mouth_left, mouth_right = TIGHT
    angle = np.linspace(np.pi * 1.02, -0.02 * np.pi, 17)
    jaw = np.stack([62 + 52 * np.cos(angle), 50 + 70 * np.sin(angle)], axis=1)
    brows = np.stack([np.linspace(22, 102, 10), np.full(10, 24.0)], axis=1)
    ring = np.stack([np.cos(np.arange(6)), np.sin(np.arange(6))], axis=1)
    mouth = mouth_left + np.linspace(0, 1, 20)[:, None] * (mouth_right - mouth_left)
    return np.concatenate([jaw, brows, np.repeat(nose[None], 9, axis=0), left + 4 * ring, right + 4 * ring, mouth])


def test_a_rounded_square_where_no_points_are_known():
    mask = soft_mask(64)
    assert mask.max() == 1
    assert mask[32, 32] == 1
    assert mask[0].max() < 1e-6
    assert mask[:, -1].max() < 1e-6
    assert np.allclose(mask, mask.T, atol=1e-6)
    assert np.allclose(mask, mask[::-1], atol=1e-6)


@pytest.mark.parametrize(
    ("size", "points"), [(128, TIGHT), (64, (TIGHT + 0.5) / 2 - 0.5), (256, WIDE), (128, landmarks_68())]
)
def test_a_mask_holds_the_features_and_vanishes_on_the_edge(size, points):
    mask = face_mask(size, points)
    assert mask.shape == (size, size)
    assert mask.dtype == np.float32
    assert mask.min() == 0
    assert mask.max() == 1
    for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
        assert not edge.any()
    five = points if len(points) == 5 else TIGHT
    for x, y in np.rint(five).astype(int):
        assert mask[y, x] > 0.85
    steps = max(np.abs(np.diff(mask, axis=0)).max(), np.abs(np.diff(mask, axis=1)).max())
    assert steps < 2 * np.pi / 2 / (0.14 * size), "a jump in the mask is a seam"


def test_hair_neck_and_background_are_left_alone():
    tight, wide = face_mask(128, TIGHT), face_mask(256, WIDE)
    for x, y in ((8, 120), (118, 120), (2, 64), (124, 64)):
        assert tight[y, x] < 0.1
    assert wide.mean() < 0.35
    assert not wide[:40].any()
    assert not wide[-12:].any()
    assert not wide[:, :45].any()
    assert not wide[:, -45:].any()


@pytest.mark.parametrize("points", [TIGHT / 3, landmarks_68() / 3])
def test_the_outline_moves_with_the_face(points):
    """Whatever turns, scales and moves the points does the same to the outline."""
    angle = 0.5
    matrix = 1.4 * np.array([[np.cos(angle), -np.sin(angle), 20], [np.sin(angle), np.cos(angle), 9]])
    expected = transform(face_outline(points), matrix).astype(np.float32)[:, None]
    for x, y in face_outline(transform(points, matrix)):
        assert abs(cv2.pointPolygonTest(expected, (float(x), float(y)), True)) < 0.15


def test_a_face_that_looks_aside_has_a_narrower_mask_but_not_as_narrow_as_its_eyes():
    aside = (TIGHT - 64) * (0.6, 1) + 64
    full, narrow = (np.ptp(face_outline(points)[:, 0]) for points in (TIGHT, aside))
    assert 0.65 * full < narrow < 0.95 * full


def test_landmarks_bound_the_face_from_jaw_to_hairline():
    points = landmarks_68()
    outline = face_outline(points).astype(np.float32)[:, None]
    assert all(cv2.pointPolygonTest(outline, (float(x), float(y)), True) > -1e-3 for x, y in points)
    raised = points[17:27, 1].min() - outline[:, 0, 1].min()
    assert 25 < raised < 50


@pytest.mark.parametrize("points", [np.zeros((3, 2)), np.zeros((68, 3)), np.full((5, 2), np.nan), np.ones((5, 2))])
def test_useless_points_are_refused(points):
    with pytest.raises(ValueError, match="points"):
        face_mask(64, points)


@pytest.mark.parametrize("points", [TIGHT, landmarks_68()])
def test_a_mask_is_the_same_to_the_last_bit_each_time(points):
    first = face_mask(128, points)
    kept = []  # each keeps some memory, so that the next begins elsewhere
    for i in range(40):
        kept.append(np.empty(101 * i + 1, np.uint8))
        assert np.array_equal(face_mask(128, points), first)
