"""What browsers show is read: every kind of file, damaged metadata, files that end early."""

import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLES
from pictures import encoded, photo, pixels_of
from PIL import Image, features

from dpi_core.commands.inputs import photos_in
from dpi_core.imaging.formats import FORMATS, SUFFIXES
from dpi_core.imaging.mending import png_chunk, png_chunks
from dpi_core.imaging.photo import read_photo
from dpi_core.imaging.pictures import ImageError, read_image

KINDS = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95}),
    ".jpeg": ("JPEG", {"quality": 95}),
    ".jpe": ("JPEG", {"quality": 95}),
    ".jfif": ("JPEG", {"quality": 95}),
    ".webp": ("WEBP", {"quality": 95}),
    ".avif": ("AVIF", {"quality": 95}),
    ".heic": ("HEIF", {"quality": 95}),
    ".heif": ("HEIF", {"quality": 95}),
    ".jp2": ("JPEG2000", {}),
    ".bmp": ("BMP", {}),
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {}),
    ".gif": ("GIF", {}),
}
NEEDED = {".webp": "webp", ".avif": "avif", ".jp2": "jpg_2000"}


def smooth(side=96) -> np.ndarray:
    """A picture that survives compression: one hue, brighter to the right and below."""
    y, x = np.mgrid[:side, :side] / side
    return (60 + np.stack([90 * x + 60 * y, 80 * x + 50 * y, 70 * x + 40 * y], axis=2)).astype(np.uint8)


def written(folder: Path, suffix: str) -> Path:
    import pillow_heif

    kind, options = KINDS[suffix]
    if suffix in NEEDED and not features.check(NEEDED[suffix]):
        pytest.skip(f"this build of Pillow has no {kind}")
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
        if not pillow_heif.libheif_info()["HEIF"]:
            pytest.skip("this build of pillow-heif cannot write")
    path = folder / f"photo{suffix}"
    Image.fromarray(smooth()).save(path, kind, **options)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_on_the_list_is_read(tmp_path, suffix):
    path = written(tmp_path, suffix)
    assert np.abs(pixels_of(path).astype(int) - smooth()).mean() < 6
    assert KINDS[suffix][0] in FORMATS


def test_a_folder_gives_all_of_them_and_names_the_rest(tmp_path, capfd):
    for suffix in SUFFIXES:
        (tmp_path / f"a{suffix.upper()}").touch()
    for name in ("notes.txt", "scan.pdf", ".hidden"):
        (tmp_path / name).touch()
    assert len(photos_in([tmp_path])) == len(SUFFIXES)
    told = capfd.readouterr().err
    assert "notes.txt, scan.pdf" in told
    assert ".hidden" not in told


# Metadata that cannot be read costs itself alone.


def png_with(*chunks: bytes, pixels: np.ndarray | None = None) -> bytes:
    """A PNG with these chunks behind its header."""
    data = encoded(Image.fromarray(photo() if pixels is None else pixels), "PNG")
    (_, header), *rest = png_chunks(data)
    return data[:8] + header + b"".join(chunks) + b"".join(chunk for _, chunk in rest)


def with_wrong_checksum(chunk: bytes) -> bytes:
    return chunk[:-4] + bytes(255 - value for value in chunk[-4:])


BIG = zlib.compress(bytes(3_000_000))
RAW_PROFILE = b"Raw profile type exif\0" + b"\nexif\n      20\nno hexadecimal digits"
BAD_CHUNKS = {
    "malformed EXIF": (png_chunk(b"eXIf", b"no TIFF header at all"), "EXIF"),
    "a raw profile that is none": (png_chunk(b"tEXt", RAW_PROFILE), "EXIF|text"),
    "a comment with a wrong checksum": (with_wrong_checksum(png_chunk(b"tEXt", b"Comment\0hello")), "text"),
    "a large compressed text": (png_chunk(b"zTXt", b"Comment\0\0" + BIG), "text"),
    "a large international text": (png_chunk(b"iTXt", b"Comment\0\1\0\0\0" + BIG), "text"),
    "a large profile": (png_chunk(b"iCCP", b"profile\0\0" + BIG), "colour profile"),
    "an unknown chunk with a wrong checksum": (with_wrong_checksum(png_chunk(b"quUx", b"hello")), "metadata"),
}


@pytest.mark.parametrize("kind", BAD_CHUNKS)
@pytest.mark.parametrize("from_file", [False, True])
def test_bad_metadata_is_left_out_with_a_note_and_the_pixels_are_used(kind, from_file, tmp_path):
    chunk, what = BAD_CHUNKS[kind]
    source = png_with(chunk)
    if from_file:
        (tmp_path / "a.png").write_bytes(source)
        source = tmp_path / "a.png"
    read = read_photo(source)
    assert np.array_equal(read.rgb, photo())
    (note,) = read.notes
    assert re.search(what, note)
    assert ("a.png" if from_file else "The picture") in note


def test_metadata_beside_the_bad_one_is_kept(tmp_path):
    from test_photo import wide_profile

    wide = wide_profile()  # once: it carries the second it was made in
    profile = png_chunk(b"iCCP", b"wide\0\0" + zlib.compress(wide))
    read = read_photo(png_with(profile, png_chunk(b"zTXt", b"Comment\0\0" + BIG)))
    assert read.profile == wide_profile()
    assert "profile" not in read.notes[0]


def test_a_sound_picture_has_no_notes():
    assert read_photo(png_with(png_chunk(b"tEXt", b"Comment\0hello"))).notes == ()


def test_pixels_with_a_wrong_checksum_are_still_damaged():
    data = png_with()
    at = data.index(b"IDAT") + 20
    with pytest.raises(ImageError, match=r"damaged|not a picture"):
        read_image(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])


# A JPEG that ends early.


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_is_read_whole_and_says_so(progressive):
    data = encoded(Image.fromarray(smooth()), "JPEG", quality=90, progressive=progressive)
    read = read_photo(data[:-2])
    assert np.array_equal(read.rgb, pixels_of(data))
    assert "ends early" in read.notes[0]


def test_a_jpeg_cut_late_keeps_what_is_there_and_says_how_much_is_missing():
    data = (EXAMPLES / "astronaut.jpg").read_bytes()
    whole, cut = pixels_of(data), read_photo(data[: round(0.8 * len(data))])
    assert np.array_equal(cut.rgb[:300], whole[:300])
    assert "missing" in cut.notes[0]
    assert not np.array_equal(cut.rgb[-20:], whole[-20:])


def test_a_jpeg_cut_early_is_refused():
    data = (EXAMPLES / "astronaut.jpg").read_bytes()
    with pytest.raises(ImageError, match=r"damaged: \d+% of it is missing"):
        read_image(data[: len(data) // 5])
