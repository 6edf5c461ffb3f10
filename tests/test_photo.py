"""A photo and its saved result: what restoration left alone keeps every bit, colours mean the same, metadata survives."""

from io import BytesIO

import numpy as np
import pytest
from pictures import encoded, photo
from PIL import Image, ImageCms
from test_picture_colours import srgb_profile, swapped_profile

from dpi_core.imaging.photo import enlarged, finished, read_photo
from dpi_core.imaging.pictures import read_image, read_settings, save_png


def wide_profile() -> bytes:
    """The sRGB profile with a redder red: a gamut of its own, close to sRGB's."""
    from struct import pack

    profile = srgb_profile()
    at = next(
        int.from_bytes(profile[i + 4 : i + 8], "big")
        for i in range(132, len(profile), 12)
        if profile[i : i + 4] == b"rXYZ"
    )
    redder = pack(">iii", round(0.55 * 65536), round(0.24 * 65536), round(0.005 * 65536))
    return profile[: at + 8] + redder + profile[at + 20 :]


def camera_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x8298] = "A camera", orientation, "Somebody"
    exif[0x8769] = {0x9003: "2020:02:03 04:05:06", 0xA002: 40, 0xA003: 24}
    exif[0x8825] = {1: "N"}
    return exif


def restored_from(rgb: np.ndarray) -> tuple[np.ndarray, tuple[slice, slice]]:
    """A result whose middle alone differs from the photo, and where."""
    out, where = rgb.copy(), np.s_[8:16, 10:30]
    out[where] = np.clip(out[where] + np.array([30, -20, 12]), 0, 255)
    return out, where


def through_a_file(image: Image.Image, tmp_path) -> Image.Image:
    save_png(image, tmp_path / "out.png", {"seed": 3})
    assert read_settings(tmp_path / "out.png") == {"seed": 3}
    saved = Image.open(tmp_path / "out.png")
    saved.load()
    return saved


ALPHA = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (24, 1))
KINDS = {
    "plain": (photo(), {}),
    "grey": (photo()[..., 0], {}),
    "transparent": (np.dstack([photo(), ALPHA]), {}),
    "wide": (photo(), {"icc_profile": wide_profile()}),
    "swapped": (photo(), {"icc_profile": swapped_profile()}),
    "wide and transparent": (np.dstack([photo(), ALPHA]), {"icc_profile": wide_profile()}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_left_alone_keep_every_bit_and_the_others_mean_what_was_made(kind, tmp_path):
    pixels, options = KINDS[kind]
    data = encoded(Image.fromarray(pixels), "PNG", **options)
    read = read_photo(data)
    assert np.array_equal(read.rgb, np.asarray(read_image(data)))
    result, where = restored_from(read.rgb)
    saved = through_a_file(finished(read, Image.fromarray(result)), tmp_path)
    assert saved.info.get("icc_profile") == options.get("icc_profile")
    original = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
    there = np.asarray(saved).copy()
    assert there.shape == original.shape
    changed = np.zeros(original.shape[:2], bool)
    changed[where] = True
    assert np.array_equal(there[~changed], original[~changed])
    shown = np.asarray(read_image(tmp_path / "out.png")).astype(int)  # what a viewer makes of the file
    solid = (result[where] > 15).all(axis=2) & (result[where] < 252).all(axis=2)
    if pixels.shape[-1] == 4:
        solid &= ALPHA[where] > 128
    error = np.abs(shown - result)[where][solid]
    assert np.median(error) <= 1
    if kind not in ("swapped", "wide", "wide and transparent"):  # beyond those gamuts lies a part of this picture
        assert error.max() <= 2


def test_a_photo_that_nothing_changed_is_saved_as_it_was(tmp_path):
    for pixels, options in KINDS.values():
        read = read_photo(encoded(Image.fromarray(pixels), "PNG", **options))
        saved = np.asarray(through_a_file(finished(read, Image.fromarray(read.rgb)), tmp_path))
        assert np.array_equal(saved if pixels.ndim == 3 else saved[..., 0], pixels)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_survives_upright(kind, orientation, tmp_path):
    options = {} if kind == "TIFF" else {"quality": 95}
    data = encoded(Image.fromarray(photo()), kind, exif=camera_exif(orientation).tobytes(), **options)
    read = read_photo(data)
    saved = through_a_file(finished(read, Image.fromarray(read.rgb)), tmp_path)
    exif = saved.getexif()
    assert exif.get(0x0112, 1) == 1
    assert exif[0x010F] == "A camera"
    assert exif[0x8298] == "Somebody"
    assert saved.size == ((40, 24) if orientation in (1, 3) else (24, 40))
    assert not {256, 273, 279} & set(exif), "what describes a TIFF's bytes does not belong into a PNG"
    if kind != "TIFF":  # Pillow writes no EXIF folder into a TIFF
        camera = exif.get_ifd(0x8769)
        assert camera[0x9003] == "2020:02:03 04:05:06"
        assert (camera[0xA002], camera[0xA003]) == saved.size
        assert exif.get_ifd(0x8825)[1] == "N"


def test_reading_leaves_the_picture_given_as_it_is():
    image = Image.open(BytesIO(encoded(Image.fromarray(photo()), "JPEG", exif=camera_exif(6))))
    before = dict(image.getexif())
    read_photo(image)
    assert dict(image.getexif()) == before
    assert before[0x0112] == 6


def test_damaged_exif_is_dropped_and_the_photo_kept():
    read = read_photo(encoded(Image.fromarray(photo()), "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff broken"))
    assert read.rgb.shape == (24, 40, 3)
    finished(read, Image.fromarray(read.rgb))


def test_colours_that_no_rgb_png_can_carry_are_saved_as_srgb(tmp_path):
    grey = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    read = read_photo(encoded(Image.fromarray(photo()).convert("CMYK"), "TIFF", icc_profile=grey))
    saved = through_a_file(finished(read, Image.fromarray(read.rgb)), tmp_path)
    assert np.array_equal(np.asarray(saved), read.rgb)
    assert "sRGB".encode("utf-16-be") in saved.info["icc_profile"]


def test_a_broken_profile_is_not_passed_on():
    read = read_photo(encoded(Image.fromarray(photo()), "PNG", icc_profile=b"not a profile"))
    assert "icc_profile" not in finished(read, Image.fromarray(read.rgb)).info


def test_a_photo_without_profile_or_exif_gets_none(tmp_path):
    read = read_photo(photo())
    assert read.own is read.rgb
    assert (read.alpha, read.profile, read.exif) == (None, None, None)
    info = through_a_file(finished(read, Image.fromarray(read.rgb)), tmp_path).info
    assert not {"icc_profile", "exif"} & set(info)


@pytest.mark.parametrize("kind", KINDS)
def test_enlarging_keeps_what_belongs_to_the_photo(kind, tmp_path):
    pixels, options = KINDS[kind]
    read = read_photo(encoded(Image.fromarray(pixels), "PNG", exif=camera_exif(1), **options))
    assert enlarged(read, 1) is read
    double = enlarged(read, 2)
    assert double.rgb.shape == (48, 80, 3)
    saved = through_a_file(finished(double, Image.fromarray(double.rgb)), tmp_path)
    assert saved.size == (80, 48)
    assert saved.mode == ("RGBA" if pixels.shape[-1] == 4 else "RGB")
    assert saved.info.get("icc_profile") == options.get("icc_profile")
    assert saved.getexif().get_ifd(0x8769)[0xA002] == 80
    with pytest.raises(ValueError, match="40x24; expected the photo's 80x48"):
        finished(double, Image.fromarray(read.rgb))
