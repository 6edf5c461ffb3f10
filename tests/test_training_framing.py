import numpy as np
import pytest
from PIL import Image

from dpi_core.faces.align import similarity, transform
from dpi_core.faces.templates import TEMPLATES, TIGHT_200
from dpi_core.training.data import DegradedFaces
from dpi_core.training.framing import FRAMINGS, in_context


def with_marks(size=200):
    """A grey face with a red square on each of the template's points."""
    pixels = np.full((size, size, 3), 120, np.uint8)
    for x, y in np.rint(TIGHT_200.resized(size).array()).astype(int):
        pixels[y - 3 : y + 4, x - 3 : x + 4] = (250, 20, 20)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", [160, 200, 320])
def test_the_points_come_where_ffhq_has_them(size):
    framed = np.asarray(in_context(with_marks(size))).astype(float)
    assert framed.shape == (256, 256, 3)
    matrix = similarity(TIGHT_200.array(), TEMPLATES["ffhq-256"].array())
    expected = transform(TIGHT_200.array(), matrix)
    assert np.abs(expected - TEMPLATES["ffhq-256"].array()).max() < 6, "the two crops' mean faces nearly agree"
    red = framed[..., 0] - framed[..., 1]
    ys, xs = np.mgrid[:256, :256]
    for x, y in expected:
        near = (np.abs(xs - x) < 6) & (np.abs(ys - y) < 6)
        weight = red * near
        assert (weight * xs).sum() / weight.sum() == pytest.approx(x, abs=0.8)
        assert (weight * ys).sum() / weight.sum() == pytest.approx(y, abs=0.8)


def test_beyond_the_photograph_nothing_is_black():
    white = Image.new("RGB", (200, 200), (255, 250, 245))
    assert np.asarray(in_context(white)).min() >= 244
    assert np.asarray(in_context(Image.new("L", (200, 200), 200))).shape == (256, 256, 3)


def test_pairs_are_made_of_the_framed_face(tmp_path):
    from io import BytesIO

    file = BytesIO()
    with_marks().save(file, "PNG")
    images = {"a.png": file.getvalue()}
    calls = []

    def watched(face):
        calls.append(face.size)
        return FRAMINGS["ffhq-256"](face)

    pairs = DegradedFaces(images, 64, 4, 0, watched)
    assert pairs[0].shape == (2, 64, 64, 3)
    assert calls == [(200, 200)]
    assert not np.array_equal(pairs[0][0], DegradedFaces(images, 64, 4, 0)[0][0])
