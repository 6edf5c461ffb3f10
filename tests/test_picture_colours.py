"""Colours, transparency, turns and profiles: the picture that is read is the one that viewers show."""

from io import BytesIO

import numpy as np
import pytest
from pictures import encoded, photo, pixels_of
from PIL import Image, ImageCms


def test_grey_and_bilevel_repeat_in_every_channel():
    grey = photo()[..., 0]
    assert np.array_equal(pixels_of(encoded(Image.fromarray(grey), "PNG")), np.repeat(grey[..., None], 3, axis=2))
    bits = (grey > 100).astype(np.uint8) * 255
    bilevel = Image.fromarray(bits).convert("1", dither=Image.Dither.NONE)
    assert np.array_equal(pixels_of(encoded(bilevel, "PNG")), np.repeat(bits[..., None], 3, axis=2))


def test_cmyk_keeps_the_colours():
    red = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    assert np.abs(pixels_of(encoded(red, "JPEG", quality=95)).astype(int) - [255, 0, 0]).max() <= 3
    assert np.abs(pixels_of(encoded(red, "TIFF")).astype(int) - [255, 0, 0]).max() == 0


def test_a_palette_is_looked_up():
    image = Image.fromarray(photo()).quantize(16)
    assert np.array_equal(pixels_of(encoded(image, "PNG")), np.asarray(image.convert("RGB")))


def test_a_transparent_palette_colour_is_white():
    image = Image.fromarray(np.repeat(np.arange(4, dtype=np.uint8)[None], 8, axis=0))
    image = image.convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    found = pixels_of(encoded(image, "PNG", transparency=1))
    assert found[0].tolist() == [[255, 0, 0], [255, 255, 255], [0, 0, 255], [9, 9, 9]]


def test_a_transparent_rgb_colour_is_white():
    image = Image.new("RGB", (4, 4), (10, 20, 30))
    image.putpixel((0, 0), (40, 50, 60))
    found = pixels_of(encoded(image, "PNG", transparency=(10, 20, 30)))
    assert found[0, 0].tolist() == [40, 50, 60]
    assert (found[1:] == 255).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_over_white(mode):
    alpha = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (24, 1))
    image = Image.fromarray(photo()).convert(mode)
    image.putalpha(Image.fromarray(alpha))
    colour = np.asarray(image.convert("RGB"), float)
    share = alpha[..., None] / 255
    expected = share * colour + (1 - share) * 255
    for source in (image, encoded(image, "PNG")):
        assert np.abs(pixels_of(source) - expected).max() <= 1


# The turn or flip that makes each orientation's file out of the upright picture (EXIF 2.3, tag 0x0112).
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_every_exif_orientation_ends_upright(orientation, kind):
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](photo())))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"PNG": {}, "JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}[kind]
    found = pixels_of(encoded(stored, kind, exif=exif, **options))
    assert found.shape == photo().shape
    assert np.abs(found.astype(int) - photo()).max() <= (8 if kind == "JPEG" else 0)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(kind):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    options = {"lossless": True} if kind == "WEBP" else {}
    animation = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, **options)
    assert Image.open(BytesIO(animation)).n_frames == 3
    assert np.array_equal(np.unique(pixels_of(animation).reshape(-1, 3), axis=0), [[255, 0, 0]])


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """The sRGB profile with its red and green primaries exchanged: colours that need a conversion."""
    profile = srgb_profile()
    assert profile.count(b"rXYZ") == profile.count(b"gXYZ") == 1
    return profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")


def test_an_srgb_profile_changes_nothing():
    found = pixels_of(encoded(Image.fromarray(photo()), "PNG", icc_profile=srgb_profile()))
    assert np.abs(found.astype(int) - photo()).max() <= 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_another_profile_is_converted_to_srgb(mode):
    image = Image.new("RGB", (16, 16), (200, 40, 90))
    image = image.quantize(2) if mode == "P" else image.convert(mode)
    found = pixels_of(encoded(image, "PNG", icc_profile=swapped_profile()))
    assert np.abs(found.astype(int) - [40, 200, 90]).max() <= 2


@pytest.mark.parametrize("profile", [b"not a profile", swapped_profile()[:200]])
def test_a_broken_profile_is_ignored(profile):
    assert np.array_equal(pixels_of(encoded(Image.fromarray(photo()), "PNG", icc_profile=profile)), photo())


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_profile_for_other_channels_is_ignored(mode):
    image = Image.fromarray(photo()).convert(mode)
    expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(pixels_of(encoded(image, "TIFF", icc_profile=srgb_profile())), expected)
