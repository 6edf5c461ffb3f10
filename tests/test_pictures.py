import struct
import zlib
from io import BytesIO

import cv2
import numpy as np
import pytest
from pictures import encoded, photo, pixels_of
from PIL import Image, PngImagePlugin

from dpi_core.imaging.pictures import MAX_PIXELS, ImageError, read_image, read_settings, save_png


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_that_claims(width: int, height: int) -> bytes:
    """The head of a PNG of that size, with next to no pixels behind it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(b"\0" * 64)), png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


# What cannot be used ends in a message.


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.png", b"", "the file is empty"),
        ("notes.png", b"Dear diary, this is no picture.\n" * 20, "not a picture"),
        ("zeros.jpg", bytes(4096), "not a picture"),
        ("cut.jpg", encoded(Image.fromarray(photo(200, 200)), "JPEG")[:1500], "damaged"),
        ("cut.png", encoded(Image.fromarray(photo(200, 200)), "PNG")[:300], "damaged"),
        ("cut.webp", encoded(Image.fromarray(photo(200, 200)), "WEBP", quality=90)[:400], "damaged|not a picture"),
        ("head.png", encoded(Image.fromarray(photo()), "PNG")[:20], "not a picture|damaged"),
        ("bomb.png", png_that_claims(30_000, 30_000), "at most 64 million"),
        ("large.png", png_that_claims(9_000, 9_000), "9000x9000 pixels; at most 64 million"),
        ("wide.png", png_that_claims(2**31 - 1, 1), "at most 64 million"),
        ("none.png", png_that_claims(0, 5), "not a picture|damaged|empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    for source in (path, str(path)):
        with pytest.raises(ImageError, match=message) as caught:
            read_image(source)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(ImageError, match=message):
        read_image(content)


def test_a_real_picture_of_900_megapixels_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    row = zlib.compressobj(1)
    body = b"".join(row.compress(bytes(1 + 30_000 // 8) * 100) for _ in range(300)) + row.flush()
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b""))
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(ImageError, match="at most 64 million"):
        read_image(path)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.jpg: the file cannot be read"):
        read_image(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match=f"{tmp_path.name}: the file cannot be read"):
        read_image(tmp_path)


def test_a_damaged_picture_that_pillow_opened_is_named_too():
    cut = Image.open(BytesIO(encoded(Image.fromarray(photo(200, 200)), "PNG")[:300]))
    with pytest.raises(ImageError, match="damaged"):
        read_image(cut)


def test_the_largest_picture_allowed_is_far_beyond_a_phones(monkeypatch):
    assert MAX_PIXELS > 50_000_000
    monkeypatch.setattr("dpi_core.imaging.pictures.MAX_PIXELS", 24 * 40)
    assert pixels_of(Image.fromarray(photo(24, 40))).shape == (24, 40, 3)
    with pytest.raises(ImageError, match="25x40 pixels"):
        read_image(Image.fromarray(photo(40, 25)))


# What can be used becomes the right picture.


def test_one_pixel_is_a_picture():
    assert np.array_equal(pixels_of(encoded(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG")), [[[9, 8, 7]]])


def test_files_bytes_pil_images_and_arrays_give_the_same(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(photo()).save(path)
    for source in (path, str(path), path.read_bytes(), Image.open(path), photo(), photo()[::-1][::-1]):
        assert np.array_equal(pixels_of(source), photo())


def test_the_picture_given_is_left_as_it_was():
    image = Image.fromarray(photo())
    image.info["icc_profile"] = b"something"
    result = read_image(image)
    result.paste((0, 0, 0), (0, 0, 10, 10))
    assert np.array_equal(np.asarray(image), photo())
    assert image.info == {"icc_profile": b"something"}
    assert result.info == {}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path, channels, suffix):
    path = tmp_path / f"deep.{suffix}"
    deep = np.linspace(0, 65535, 32 * 32).astype(np.uint16).reshape(32, 32)
    cv2.imwrite(str(path), deep if channels == 1 else np.repeat(deep[..., None], 3, axis=2))
    found = pixels_of(path).astype(float)
    assert np.abs(found - deep[..., None] / 257).max() <= 1
    assert (found[0, 0], found[-1, -1]) == (pytest.approx([0] * 3), pytest.approx([255] * 3))


def test_a_dark_sixteen_bit_picture_stays_dark(tmp_path):
    path = tmp_path / "dark.png"
    cv2.imwrite(str(path), np.full((8, 8), 2570, np.uint16))
    assert np.array_equal(np.unique(pixels_of(path)), [10])


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_a_float_tiff_shows_its_range(tmp_path, top):
    path = tmp_path / "float.tiff"
    ramp = np.linspace(0, top, 64, dtype=np.float32).reshape(8, 8)
    Image.fromarray(ramp).save(path)
    assert np.abs(pixels_of(path)[..., 0] - ramp * (255 / top)).max() <= 0.5 + 1e-3


def test_a_float_tiff_with_holes_is_no_crash(tmp_path):
    path = tmp_path / "holes.tiff"
    values = np.full((8, 8), 0.5, np.float32)
    values[0, 0], values[0, 1] = np.nan, -3
    Image.fromarray(values).save(path)
    found = pixels_of(path)
    assert found[0, :2].max() == 0
    assert found[1:].min() == found[1:].max() == 128


# Arrays.


def test_arrays_of_every_kind_give_the_same_picture():
    values = photo()
    deep = values.astype(np.uint16) * 257
    for array in (
        values,
        deep,
        values / 255,
        (values / 255).astype(np.float32),
        np.dstack([values, values[..., 0] | 255]),
    ):
        assert np.array_equal(pixels_of(array), values)
    grey = values[..., 0]
    for array in (grey, grey[..., None], grey / 255):
        assert np.array_equal(pixels_of(array), np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(5, np.uint8), r"shape \(5,\)"),
        (np.zeros((4, 4, 2), np.uint8), r"shape \(4, 4, 2\)"),
        (np.zeros((3, 8, 8), np.uint8), r"shape \(3, 8, 8\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"shape \(1, 4, 4, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), r"shape \(0, 4, 3\)"),
        (np.zeros((4, 4, 3), np.int64), "int64"),
        (np.zeros((4, 4, 3), bool), "bool"),
        (np.zeros((4, 4, 3), complex), "complex"),
        (np.array([["a"]]), "U1"),
        (np.full((4, 4, 3), 128.0), r"outside \[0, 1\]"),
        (np.full((4, 4, 3), -0.1), r"outside \[0, 1\]"),
        (np.full((4, 4, 3), np.inf), r"outside \[0, 1\]"),
    ],
)
def test_a_wrong_array_is_named(array, message):
    with pytest.raises(ImageError, match=message):
        read_image(array)


# Results keep their settings.


def test_a_saved_png_gives_back_its_pixels_and_settings(tmp_path):
    path = tmp_path / "result.png"
    settings = {
        "config": {"tau": 150, "eta": 0.1},
        "seed": 2**62 + 1,
        "scale": None,
        "name": "Zoë ☺\n",
        "list": [1, 2.5],
    }
    save_png(Image.fromarray(photo()), path, settings)
    assert read_settings(path) == settings
    assert np.array_equal(np.asarray(Image.open(path)), photo())
    assert "not evidence of identity" in Image.open(path).info["Comment"]


def test_other_files_hold_no_settings(tmp_path):
    foreign = PngImagePlugin.PngInfo()
    foreign.add_text("dpi_core", "{not json")
    Image.fromarray(photo()).save(tmp_path / "plain.png")
    Image.fromarray(photo()).save(tmp_path / "photo.jpg")
    Image.fromarray(photo()).save(tmp_path / "foreign.png", pnginfo=foreign)
    (tmp_path / "text.png").write_text("text")
    (tmp_path / "bomb.png").write_bytes(png_that_claims(30_000, 30_000))
    for name in ("plain.png", "photo.jpg", "foreign.png", "text.png", "bomb.png", "missing.png"):
        with pytest.raises(ImageError, match=f"{name}: holds no settings"):
            read_settings(tmp_path / name)
