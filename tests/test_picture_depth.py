"""Pictures of sixteen bits a channel are read right, and the photo around the faces keeps its depth."""

import zlib
from io import BytesIO

import cv2
import numpy as np
import pytest
import tifffile
from pictures import encoded, photo, pixels_of
from PIL import Image

from dpi_core.imaging.deep import eight_bits
from dpi_core.imaging.mending import png_chunk, png_chunks
from dpi_core.imaging.photo import enlarged, finished, read_photo
from dpi_core.imaging.pictures import ImageError, read_image, read_settings, save_png


def deep(channels: int = 3) -> np.ndarray:
    """(24,40,C) uint16 with something in the lower eight bits."""
    pixels = np.repeat(photo().astype(np.uint16), 2, axis=2)[..., :channels] * 257
    noise = np.random.default_rng(0).integers(-120, 121, pixels.shape)
    return np.clip(pixels + noise, 0, 65535).astype(np.uint16)


def tiff(pixels: np.ndarray, **options) -> bytes:
    buffer = BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def deep_png_of(pixels: np.ndarray) -> bytes:
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return cv2.imencode(".png", pixels[..., order])[1].tobytes()


PLANES = np.moveaxis(deep(), 2, 0)
DEEP_FILES = {
    "PNG": deep_png_of(deep()),
    "TIFF": tiff(deep(), photometric="rgb"),
    "big-endian TIFF": tiff(deep(), photometric="rgb", byteorder=">"),
    "tiled TIFF": tiff(deep(), photometric="rgb", tile=(16, 16)),
    "planar TIFF": tiff(PLANES, photometric="rgb", planarconfig="separate"),
    "planar deflated TIFF": tiff(PLANES, photometric="rgb", planarconfig="separate", compression="zlib"),
}


@pytest.mark.parametrize("kind", DEEP_FILES)
def test_sixteen_bits_are_read_right(kind):
    read = read_photo(DEEP_FILES[kind])
    assert np.array_equal(read.deep, deep())
    assert np.abs(read.rgb - deep() / 257).max() <= 0.5


@pytest.mark.parametrize("kind", ["minisblack", "miniswhite"])
def test_white_or_black_may_be_zero(kind):
    grey = deep()[..., 0]
    read = read_photo(tiff(65535 - grey if kind == "miniswhite" else grey, photometric=kind))
    assert np.array_equal(read.deep, np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("bits", [8, 16])
def test_planes_mean_the_same_at_eight_bits(bits):
    pixels = deep() if bits == 16 else eight_bits(deep())
    planes = tiff(np.moveaxis(pixels, 2, 0), photometric="rgb", planarconfig="separate")
    assert np.array_equal(pixels_of(planes), pixels_of(tiff(pixels, photometric="rgb")))


def test_what_would_be_garbled_is_refused():
    four = np.moveaxis(deep(4), 2, 0)
    with pytest.raises(ImageError, match="separate planes"):
        read_image(tiff(four, photometric="separated", planarconfig="separate"))
    with pytest.raises(ImageError, match="32 bits"):
        read_image(tiff(deep()[..., 0].astype(np.uint32) * 65537))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_the_rest_of_the_photo_keeps_its_sixteen_bits(kind, channels, tmp_path):
    pixels = deep(channels)
    alpha = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    if channels == 4:
        pixels[..., 3] = 65000
    data = deep_png_of(pixels) if kind == "PNG" else tiff(pixels, photometric="rgb", **alpha)
    read = read_photo(data)
    result = read.rgb.copy()
    result[8:16, 10:30] = np.clip(result[8:16, 10:30].astype(int) + np.array([30, -20, 12]), 0, 255)
    save_png(finished(read, Image.fromarray(result)), tmp_path / "out.png", {"seed": 3})
    assert read_settings(tmp_path / "out.png") == {"seed": 3}
    saved = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)[..., [2, 1, 0, 3][:channels]]
    assert saved.dtype == np.uint16
    changed = np.zeros(saved.shape[:2], bool)
    changed[8:16, 10:30] = True
    assert np.array_equal(saved[~changed], pixels[~changed])
    shown = pixels_of(tmp_path / "out.png").astype(int)
    assert np.abs(shown - result)[changed].max() <= 3


@pytest.mark.parametrize("orientation", [3, 5, 6, 8])
def test_a_deep_photo_on_its_side_is_turned_as_a_shallow_one(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    chunk = png_chunk(b"eXIf", exif.tobytes()[6:])
    data = DEEP_FILES["PNG"]
    (_, header), *rest = png_chunks(data)
    turned = read_photo(data[:8] + header + chunk + b"".join(c for _, c in rest))
    shallow = encoded(Image.fromarray(eight_bits(deep())), "PNG", exif=exif)
    assert np.array_equal(turned.rgb, pixels_of(shallow))
    assert np.array_equal(eight_bits(turned.deep), turned.rgb)


def test_a_deep_photo_keeps_its_depth_and_profile_when_it_is_enlarged(tmp_path):
    from test_photo import wide_profile

    data = DEEP_FILES["PNG"]
    (_, header), *rest = png_chunks(data)
    wide = wide_profile()  # once: it carries the second it was made in
    profile = png_chunk(b"iCCP", b"wide\0\0" + zlib.compress(wide))
    large = enlarged(read_photo(data[:8] + header + profile + b"".join(c for _, c in rest)), 2)
    save_png(finished(large, Image.fromarray(large.rgb)), tmp_path / "out.png", {})
    again = read_photo(tmp_path / "out.png")
    assert np.array_equal(again.deep, large.deep)
    assert again.profile == wide
    assert again.deep.shape == (48, 80, 3)


def test_a_picture_made_from_a_deep_one_is_saved_as_what_it_is(tmp_path):
    read = read_photo(DEEP_FILES["PNG"])
    small = finished(read, Image.fromarray(read.rgb)).resize((20, 12))
    save_png(small, tmp_path / "out.png", {})
    assert np.array_equal(pixels_of(tmp_path / "out.png"), np.asarray(small))


def test_sixteen_bits_become_the_nearest_of_eight():
    levels = np.arange(65536, dtype=np.uint16)
    assert np.array_equal(eight_bits(levels), np.rint(levels / 257).astype(np.uint8))
