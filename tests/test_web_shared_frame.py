import numpy as np
import pytest
from PIL import Image

from dpi_core.faces.align import warp_to_crop
from dpi_core.web.shared_frame import in_one_frame


@pytest.fixture(scope="module")
def photo():
    y, x = np.mgrid[:400, :400] / 400
    waves = [np.sin(9 * x) * np.cos(7 * y), np.sin(5 * x + 8 * y), np.cos(11 * y - 4 * x)]
    return np.stack([127.5 + 110 * w for w in waves], axis=-1).astype(np.uint8)


def crop(photo, scale, size, centre=(200, 190), turn=0.0):
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[c, -s], [s, c]])
    matrix = np.hstack([linear, ((size - 1) / 2 - linear @ np.array(centre))[:, None]])
    return Image.fromarray(warp_to_crop(photo, matrix, size)), matrix


def difference(a, b):
    inside = np.s_[8:-8, 8:-8]
    return np.abs(np.asarray(a, float)[inside] - np.asarray(b, float)[inside]).mean()


def test_crops_of_one_frame_are_left_as_they_are(photo):
    picture, matrix = crop(photo, 0.6, 128)
    fitted, note = in_one_frame([picture, picture], [matrix, matrix])
    assert fitted[0] is picture
    assert note == ""


def test_the_same_crop_at_another_size_is_enlarged(photo):
    small, large = crop(photo, 0.4, 64), crop(photo, 0.8, 128)
    fitted, note = in_one_frame([small[0], large[0]], [small[1], large[1]])
    assert [p.size for p in fitted] == [(128, 128)] * 2
    assert fitted[1] is large[0]
    assert difference(*fitted) < 2
    assert note == "Their sides are A 64, B 128 pixels; the smaller one is enlarged to 128 to be compared."


@pytest.mark.parametrize("order", [1, -1])
def test_a_wider_crop_is_cut_to_the_tighter_one(photo, order):
    tight, wide = crop(photo, 0.9, 128), crop(photo, 0.7, 256, (205, 185), 0.1)
    pair = [tight, wide][::order]
    fitted, note = in_one_frame([p for p, _ in pair], [m for _, m in pair])
    assert [p.size for p in fitted] == [(256, 256)] * 2
    assert difference(*fitted) < 2
    assert f"compared is what lies in that of {'A' if order == 1 else 'B'}" in note
    truth, _ = crop(photo, 1.8, 256, (200, 190))  # the tight crop at the larger size, straight from the photo
    assert difference(fitted[0], truth) < 2


def test_whole_pictures_are_only_resized(photo):
    small, large = Image.fromarray(photo).resize((100, 100)), Image.fromarray(photo).resize((200, 200))
    fitted, note = in_one_frame([small, large], [None, None])
    assert [p.size for p in fitted] == [(200, 200)] * 2
    assert "A 100, B 200" in note
