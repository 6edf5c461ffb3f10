"""Tiles: small faces of large photos are found once each, where they are, and nothing is looked at without need."""

import subprocess
import sys
from itertools import pairwise

import cv2
import numpy as np
import pytest
from conftest import EXAMPLES, ROOT
from PIL import Image

from dpi_core.faces import find_faces
from dpi_core.faces.face import Face
from dpi_core.faces.rgb import reduced
from dpi_core.faces.tiles import COPY, OVERLAP, TILE, merged, windows, with_small_faces


def face_at(x: float, y: float, side: float, score: float = 0.9) -> Face:
    half = side / 2
    return Face((x - half, y - half, x + half, y + half), np.full((5, 2), (x, y), float), score, "yunet")


def dots(width: int, height: int, where: list[tuple[float, float]], radius: float = 12) -> np.ndarray:
    """White discs on black, their middles at sub-pixel positions."""
    image = np.zeros((height, width, 3), np.uint8)
    for x, y in where:
        x0, y0 = round(x) - 20, round(y) - 20
        v, u = np.mgrid[y0 : y0 + 41, x0 : x0 + 41]
        disc = np.clip(radius + 0.5 - np.hypot(u - x, v - y), 0, 1) * 255
        inside = (v >= 0) & (v < height) & (u >= 0) & (u < width)
        image[v[inside], u[inside]] = np.rint(disc[inside])[:, None]
    return image


class DotFinder:
    """A detector of discs: the middle of each, in boxes one and a half times as wide; it counts its looks."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self, image: np.ndarray) -> list[Face]:
        assert max(image.shape[:2]) <= TILE
        self.looks += 1
        count, labels, boxes, _ = cv2.connectedComponentsWithStats((image[..., 0] > 8).astype(np.uint8))
        faces = []
        for i in range(1, count):
            left, top, width, height, _ = boxes[i]
            y, x = np.nonzero(labels[top : top + height, left : left + width] == i)
            y, x = y + top, x + left
            weight = image[y, x, 0].astype(float)
            middle = (x * weight).sum() / weight.sum(), (y * weight).sum() / weight.sum()
            faces.append(face_at(*middle, 1.5 * (np.ptp(x) + 1), 0.5 + 0.4 * weight.sum() / 1e6))
        return faces


@pytest.mark.parametrize(("width", "height"), [(4000, 2701), (1900, 3000), (6001, 1200)])
def test_every_small_face_is_found_once_exactly_where_it_is(width, height):
    rng = np.random.default_rng(width)
    grid = [(x, y) for x in range(60, width - 60, 173) for y in range(60, height - 60, 171)]
    where = [(x + rng.uniform(-20, 20), y + rng.uniform(-20, 20)) for x, y in grid]
    faces = with_small_faces(dots(width, height, where), [], DotFinder())
    assert len(faces) == len(where)
    found = np.array([face.points[0] for face in faces])
    for point in where:
        assert np.abs(found - point).sum(axis=1).min() < 0.15


def test_tiles_cover_the_image_and_share_their_borders():
    for width, height in ((300, 200), (961, 500), (6000, 4000), (2560, 1707)):
        tiles = windows(width, height)
        seen = np.zeros((height, width), np.uint8)
        for x0, y0, x1, y1 in tiles:
            assert 0 <= x0 < x1 <= width
            assert 0 <= y0 < y1 <= height
            assert max(x1 - x0, y1 - y0) <= TILE
            seen[y0:y1, x0:x1] = 1
        assert seen.all()
        columns = sorted({(x0, x1) for x0, _, x1, _ in tiles})
        assert all(left[1] - right[0] >= OVERLAP for left, right in pairwise(columns))


def test_a_photo_that_hides_nothing_is_not_looked_at_again():
    finder = DotFinder()
    large = [face_at(500, 500, 400)]
    assert with_small_faces(np.zeros((3000, 4000, 3), np.uint8), large, finder) is large
    small = [face_at(500, 500, 20)]
    assert with_small_faces(np.zeros((1000, COPY, 3), np.uint8), small, finder) == small
    assert with_small_faces(np.zeros((1000, COPY, 3), np.uint8), [face_at(500, 500, 30)], finder, quick=True)
    assert finder.looks == 0


@pytest.mark.parametrize("seen", [[], [face_at(200.4, 130.7, 18, 0.7)]])
def test_a_quick_detector_sees_tiny_faces_of_a_small_photo_enlarged(seen):
    where = [(200.4, 130.7), (420.2, 300.9)]
    found = with_small_faces(dots(640, 400, where, 6), seen, DotFinder(), quick=True)
    assert len(found) == 2
    points = np.array(sorted(face.points[0].tolist() for face in found))
    assert np.abs(points - where).max() < 0.15


def test_a_quick_detector_finds_the_small_faces_behind_a_large_one():
    image, large = dots(4000, 3000, [(3300.0, 2000.0)]), face_at(1500, 1000, 900)
    assert with_small_faces(image, [large], DotFinder()) == [large]
    found = with_small_faces(image, [large], DotFinder(), quick=True)
    assert found[0] is large
    assert np.abs(found[1].points[0] - (3300, 2000)).max() < 0.15


def test_only_tiles_with_small_faces_are_looked_at_more_closely():
    image = dots(8000, 6000, [(400.0, 500.0)])
    finder = DotFinder()
    faces = with_small_faces(image, [face_at(400, 500, 36)], finder)
    assert len(faces) == 1
    assert finder.looks < 30, "the photo's own pixels make 80 tiles"
    assert np.abs(faces[0].points[0] - (400, 500)).max() < 0.05


def test_a_large_face_of_the_copy_stays_what_the_copy_showed():
    """The small find inside a large face is no second face; the small face beside it is."""
    large, small = face_at(1500, 1000, 900, 0.8), face_at(3300, 2000, 60)
    image = dots(4000, 3000, [(1500.0, 1000.0), (3300.0, 2000.0)])
    faces = with_small_faces(image, [large, small], DotFinder())
    assert large in faces
    assert len(faces) == 2


def test_what_no_tile_shows_is_kept():
    faces = [face_at(700, 800, 60)]
    assert with_small_faces(np.zeros((3000, 4000, 3), np.uint8), faces, DotFinder()) == faces


def test_the_first_group_and_the_best_score_win():
    first, better, worse = face_at(0, 0, 40, 0.5), face_at(3, 0, 40, 0.9), face_at(100, 0, 40, 0.2)
    assert merged([[first], [worse, better]]) == [first, worse]
    assert merged([[worse, better, first]]) == [better, worse]
    assert merged([]) == []


@pytest.mark.parametrize(("width", "height"), [(5999, 4001), (1999, 3333)])
def test_a_copy_keeps_positions_in_the_far_corner(width, height):
    x, y = width - 60.3, height - 55.7
    image = dots(width, height, [(x, y)], 16)
    copy, ratio = reduced(image, COPY)
    v, u = np.nonzero(copy[..., 0] > 8)
    weight = copy[v, u, 0].astype(float)
    there = np.array([(u * weight).sum(), (v * weight).sum()]) / weight.sum()
    assert np.abs((there + 0.5) / ratio - 0.5 - (x, y)).max() < 0.35


def crowd(width: int, height: int, columns: int, rows: int, size: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """The bundled portraits, cut out and reduced, over a smooth background, and the middles of the cut-outs."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 180, (height // 100, width // 100, 3), dtype=np.uint8)
    photo = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    portraits = [
        Image.open(EXAMPLES / "astronaut.jpg").convert("RGB").crop((120, 10, 330, 220)),
        Image.open(EXAMPLES / "grace-hopper.jpg").convert("RGB").crop((130, 60, 430, 400)),
    ]
    where = []
    for i in range(columns * rows):
        portrait = portraits[i % 2]
        portrait = portrait.resize((size, round(size * portrait.height / portrait.width)), Image.Resampling.LANCZOS)
        x, y = round((i % columns + 0.5) * width / columns), round((i // columns + 0.5) * height / rows)
        photo.paste(portrait, (x - portrait.width // 2, y - portrait.height // 2))
        where.append((x, y))
    return np.asarray(photo), where


def test_the_embedded_detector_finds_a_crowd():
    """Four faces of 18 pixels in the copy, which it cannot find there, beside four of 30, two on the tiles' borders."""
    photo, where = crowd(4000, 2600, 4, 2, 130)
    faces = find_faces(photo, "embedded").faces

    def at(x: int, y: int) -> int:
        return sum(abs((f.box[0] + f.box[2]) / 2 - x) < 65 and abs((f.box[1] + f.box[3]) / 2 - y) < 75 for f in faces)

    counts = [at(x, y) for x, y in where]
    assert max(counts) == 1
    assert sum(counts) >= 7
    assert sum(counts[::2]) >= 3
    assert len(faces) <= len(where) + 1


MEMORY = """
import sys

sys.path.insert(0, "tests")
from pathlib import Path
from PIL import Image
from test_faces_tiles import crowd
from dpi_core import Restorer, DPIConfig
from dpi_core.restore.compose import saved_photo
photo, where = crowd(6000, 4000, 6, 5, 170)
result = Restorer(device="cpu").restore(Image.fromarray(photo), DPIConfig(steps=1), face="all", detector="embedded")
saved = saved_photo(result)
status = Path("/proc/self/status").read_text()
peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
print(len(result.results), saved.width, peak)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak memory from /proc")
def test_24_megapixels_with_30_faces_stay_under_two_gigabytes():
    done = subprocess.run([sys.executable, "-c", MEMORY], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    faces, width, peak = (float(word) for word in done.stdout.split())
    assert faces >= 25
    assert width == 6000
    assert peak < 2000
