"""Quarter turns: a group photo is found whole on each of its sides, tiny faces are found at all, and noses stay noses."""

from itertools import pairwise

import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image

from dpi_core.faces.face import Face, overlap
from dpi_core.faces.turns import detect, evidence, turned, turned_back


def portraits() -> list[Image.Image]:
    return [
        Image.open(EXAMPLES / "astronaut.jpg").convert("RGB").crop((120, 10, 330, 220)),
        Image.open(EXAMPLES / "grace-hopper.jpg").convert("RGB").crop((130, 60, 430, 400)),
    ]


def pasted(width: int, height: int, side: int, corners: list[tuple[int, int]]) -> np.ndarray:
    """The two portraits in turn, `side` pixels wide, their upper left corners at `corners` of a plain picture."""
    photo = Image.new("RGB", (width, height), (96, 110, 120))
    for i, corner in enumerate(corners):
        portrait = portraits()[i % 2]
        size = (side, round(side * portrait.height / portrait.width))
        photo.paste(portrait.resize(size, Image.Resampling.LANCZOS), corner)
    return np.asarray(photo)


def centres(faces: list[Face]) -> np.ndarray:
    return np.array(sorted(face.points.mean(axis=0).round().tolist() for face in faces))


@pytest.fixture(scope="module")
def group() -> np.ndarray:
    return pasted(640, 420, 110, [(x, y) for y in (30, 220) for x in (40, 260, 480)])


@pytest.fixture(scope="module")
def found_upright(group) -> list[Face]:
    return detect(group)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_group_on_its_side_is_found_whole_with_the_same_points(group, found_upright, quarters):
    assert len(found_upright) == 6
    height, width = group.shape[:2]
    # A photo turned by q quarters is upright after 4 - q more.
    faces = [turned_back(face, quarters, width, height) for face in detect(turned(group, quarters))]
    assert np.abs(centres(faces) - centres(found_upright)).max() <= 2
    for face in faces:
        assert face.points[0, 0] < face.points[1, 0]
        assert face.points[0, 1] < face.points[3, 1]


def test_one_who_lies_among_those_who_stand_is_found_too():
    photo = pasted(640, 300, 120, [(30, 60), (250, 60)])
    lying = np.rot90(np.asarray(portraits()[0]))
    photo = photo.copy()
    photo[40:250, 420:630] = lying
    faces = detect(photo)
    assert len(faces) == 3
    (one,) = (face for face in faces if face.box[0] > 400)
    across = one.points[1] - one.points[0]
    assert abs(across[1]) > 2 * abs(across[0]), "the eyes of a lying face stand above each other"


@pytest.mark.parametrize("quarters", [0, 1])
def test_faces_of_a_dozen_pixels_are_found_in_the_enlarged_photo(quarters):
    corners = [(60, 50), (220, 130)]
    photo = pasted(320, 240, 32, corners)  # the faces are 13 and 15 pixels wide
    faces = [turned_back(face, quarters, 320, 240) for face in detect(turned(photo, quarters))]
    assert len(faces) == 2
    for (x, y), face in zip(corners, sorted(faces, key=lambda face: face.points[0, 0]), strict=True):
        assert 8 < face.box[2] - face.box[0] < 20
        assert np.linalg.norm(face.points.mean(axis=0) - (x + 16, y + 16)) < 6


@pytest.mark.parametrize("width", [10, 16])
def test_a_photo_is_enlarged_before_it_is_said_to_show_no_face(width):
    photo = pasted(1100, 700, round(width / 0.43), [(700, 420)])
    (face,) = detect(photo)
    assert 0.6 * width < face.box[2] - face.box[0] < 1.7 * width
    assert np.linalg.norm(face.points.mean(axis=0) - (700 + 1.2 * width, 420 + 1.2 * width)) < 0.6 * width


def test_no_face_lies_inside_another(group):
    portrait = np.asarray(portraits()[0].resize((420, 420), Image.Resampling.BICUBIC))
    for photo in (group, turned(group, 1), portrait, turned(portrait, 3)):
        faces = detect(photo)
        assert faces
        for one in faces:
            assert all(one is other or overlap(one, other) <= 0.5 for other in faces)


def test_a_tiny_face_painted_on_a_nose_is_no_face():
    photo = np.array(portraits()[1].resize((600, 680), Image.Resampling.BICUBIC))
    (alone,) = detect(photo)
    x, y = alone.points[2].round().astype(int)
    tiny = portraits()[0].crop((50, 40, 160, 180)).resize((44, 56), Image.Resampling.LANCZOS)
    photo[y - 28 : y + 28, x - 22 : x + 22] = np.asarray(tiny)
    (face,) = detect(photo)
    assert face.area > 0.5 * alone.area


def test_evidence_grows_with_faces_and_scores():
    faces = [Face((0, 0, 9, 9), np.zeros((5, 2)), score, "embedded") for score in (0.75, 0.85, 0.94, 1.0)]
    single = [evidence([face]) for face in faces]
    assert evidence([]) == 0 < single[0]
    assert all(a < b < np.inf for a, b in pairwise(single))
    assert evidence(faces) == pytest.approx(sum(single))


def test_a_face_turned_there_and_back_is_where_it_was():
    image = np.zeros((30, 50, 3), np.uint8)
    points = np.array([(3.0, 4.0), (9.0, 5.0), (6.0, 8.0), (4.0, 11.0), (8.0, 12.0)])
    for x, y in points.astype(int):
        image[y, x] = 255
    for quarters in range(4):
        v, u = np.nonzero(turned(image, quarters)[..., 0])
        seen = np.stack([u, v], axis=1).astype(float)
        box = (seen[:, 0].min(), seen[:, 1].min(), seen[:, 0].max(), seen[:, 1].max())
        back = turned_back(Face(box, seen, 0.9, "embedded"), quarters, 50, 30)
        assert sorted(map(tuple, back.points)) == sorted(map(tuple, points))
        assert back.box == (3.0, 4.0, 9.0, 12.0)
