"""The embedded detector on the astronaut portrait, turned, shrunk, cropped, coarsened, and on pictures without one."""

import numpy as np
import pytest
import skimage.data
from PIL import Image

from dpi_core.faces.align import crop_face
from dpi_core.faces.face import Face, five_points
from dpi_core.faces.turns import detect
from dpi_core.faces.yunet import refined

EYES = np.array([[202.5, 100.4], [246.8, 102.5]])  # the astronaut's pupils
EYE_DISTANCE = 44.3


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return skimage.data.astronaut()


def only_face(image: np.ndarray):
    faces = detect(image)
    assert len(faces) == 1
    return faces[0]


def test_the_astronaut(astronaut):
    face = only_face(astronaut)
    assert np.abs(five_points(face)[:2] - EYES).max() < 5
    x0, y0, x1, y1 = face.box
    assert x0 < 200 < 247 < x1
    assert y0 < 102 < 143 < y1
    assert 0.5 < face.score <= 1
    assert face.detector == "embedded"


def test_the_mirrored_astronaut_has_mirrored_points(astronaut):
    points = only_face(np.ascontiguousarray(astronaut[:, ::-1])).points
    assert np.abs(points[:2] - (EYES[::-1] * (-1, 1) + (511, 0))).max() < 5


@pytest.mark.parametrize("degrees", [-30, 20])
def test_an_inclined_head(astronaut, degrees):
    turned = np.asarray(Image.fromarray(astronaut).rotate(degrees, Image.Resampling.BICUBIC))
    angle = np.radians(-degrees)  # PIL turns counterclockwise
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = (EYES - 255.5) @ turn.T + 255.5
    assert np.abs(only_face(turned).points[:2] - expected).max() < 7


def test_a_photo_on_its_side(astronaut):
    side = np.ascontiguousarray(np.rot90(astronaut))
    expected = np.stack([EYES[:, 1], 511 - EYES[:, 0]], axis=1)
    assert np.abs(only_face(side).points[:2] - expected).max() < 6


def test_a_small_face(astronaut):
    """Shrunk to an eye distance of 16 pixels."""
    small = np.asarray(Image.fromarray(astronaut).resize((180, 180), Image.Resampling.BICUBIC))
    assert np.abs(only_face(small).points[:2] - ((EYES + 0.5) * 180 / 512 - 0.5)).max() < 3


def test_a_face_that_was_sixteen_pixels_wide(astronaut):
    coarse = Image.fromarray(astronaut).resize((70, 70), Image.Resampling.BICUBIC)
    large = np.asarray(coarse.resize((512, 512), Image.Resampling.BICUBIC))
    assert np.abs(only_face(large).points[:2] - EYES).max() < 0.25 * EYE_DISTANCE


def test_a_face_that_fills_the_frame(astronaut):
    points = detect(astronaut)[0].points
    crop = crop_face(astronaut, points, "tight-128")
    found = only_face(crop.pixels).points
    matrix = crop.matrix
    expected = points @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(found - expected).max() < 5


def test_a_face_in_black_and_white_dots(astronaut):
    dots = np.asarray(Image.fromarray(astronaut[:320, 60:380]).convert("1").convert("RGB"))
    assert np.abs(only_face(dots).points[:2] - (EYES - (60, 0))).max() < 0.2 * EYE_DISTANCE


def test_a_large_photo_is_found_on_a_copy_and_refined(astronaut):
    large = np.asarray(Image.fromarray(astronaut).resize((2048, 2048), Image.Resampling.BICUBIC))
    assert np.abs(only_face(large).points[:2] - ((EYES + 0.5) * 4 - 0.5)).max() < 20


@pytest.mark.parametrize("name", ["brick", "grass"])
def test_no_face_in_textures(name):
    texture = getattr(skimage.data, name)()[100:300, 60:260]
    assert detect(np.repeat(texture[..., None], 3, axis=2)) == []


def test_no_face_in_noise_or_nothing():
    rng = np.random.default_rng(0)
    assert detect(rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)) == []
    assert detect(np.full((100, 150, 3), 128, np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (11, 11), (13, 40), (30, 12)])
def test_tiny_images_hold_no_face(shape):
    assert detect(np.zeros((*shape, 3), np.uint8)) == []


def test_points_a_fifth_of_the_eye_distance_off_come_back(astronaut):
    face = only_face(astronaut)
    rng = np.random.default_rng(0)
    shift = 0.1 * EYE_DISTANCE * rng.choice((-1, 1), 2)
    again = refined(astronaut, Face(face.box, face.points + shift, face.score, face.detector))
    assert np.linalg.norm(again.points - face.points, axis=1).mean() < 0.04 * EYE_DISTANCE
    blank = np.full_like(astronaut, 128)
    assert np.array_equal(refined(blank, face).points, face.points)
