"""A photograph with what belongs to it: its own colours, transparency, colour profile and EXIF data.

Restoration works in sRGB over white. The result goes back into the photo as a difference, in the photo's own numbers:

    own' = own + (f(after) - f(before)) / alpha,      f: sRGB -> the photo's profile

so the old profile stays right, a pixel that restoration left alone keeps every bit, and colours beyond sRGB survive.
The other way, to save the sRGB pixels with an sRGB profile, would change each pixel of a wide-gamut photo for the sake of
one face. It remains for the profiles that an RGB PNG cannot carry (grey, CMYK) or that cannot be converted into.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from dpi_core.errors import DPIError
from dpi_core.imaging.deep import UNIT, eight_bits
from dpi_core.imaging.pictures import DEEP_KEY, ORIENTATION, ImageLike, Opened, flat_srgb, open_picture

WIDTH_TAG, HEIGHT_TAG, EXIF_FOLDER = 0xA002, 0xA003, 0x8769
SUB_FOLDERS = (EXIF_FOLDER, 0x8825)  # the camera's settings, the place
# Tags that describe a TIFF's bytes, not the photograph: sizes, strips, tiles, palette, thumbnail, XMP and ICC blocks.
LAYOUT_TAGS = {262, 266, 273, 284, 297, 317, 320, 347, 513, 514, 529, 530, 531, 532, 700, 33723, 34377, 34675}
LAYOUT_TAGS |= {*range(254, 260), *range(277, 281), *range(322, 326), *range(338, 342)}
STRIP = 512  # rows converted at a time, which bounds memory


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright photo.

    Attributes:
        rgb: (H,W,3) uint8, sRGB, transparency laid over white: what `images.read_image` gives.
        own: (H,W,3) uint8, the same pixels before that, in the colours of `profile`; `rgb` itself where they are equal.
        alpha: (H,W) uint8, or None.
        profile: the ICC profile of `own`, or None where the photo names none (then it is taken as sRGB).
        exif: EXIF data with the orientation set to upright, or None.
        deep: (H,W,3) uint16, `own` with the 16 bits a channel that the photo has, (H,W,4) with alpha; or None.
        notes: sentences on what of the file could not be read.
    """

    rgb: np.ndarray
    own: np.ndarray
    alpha: np.ndarray | None
    profile: bytes | None
    exif: bytes | None
    deep: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def read_photo(source: ImageLike) -> Photo:
    """Read a photo from all that `images.read_image` takes.

    Raises:
        ImageError: as `read_image`.
    """
    return _photo(open_picture(source))


def finished(photo: Photo, restored: Image.Image) -> Image.Image:
    """Make the picture to save: what restoration changed, in the photo's own colours, with its alpha, profile and EXIF.

    Args:
        photo: as it was read, or `enlarged` to the size of `restored`.
        restored: RGB, sRGB, made from `photo.rgb`.

    Returns:
        RGB or RGBA; `info` holds "icc_profile", "exif" and the 16-bit pixels (`DEEP_KEY`) where the photo had them, and
        `save_png` writes all three. Pixels that equal those of `photo.rgb` are bit-identical to `photo.own`.

    Raises:
        ValueError: if the sizes differ.
    """
    height, width = photo.rgb.shape[:2]
    if restored.size != (width, height):
        raise DPIError(f"restored is {restored.width}x{restored.height}; expected the photo's {width}x{height}.")
    after, profile = np.asarray(restored.convert("RGB")), photo.profile
    own, deep = after, None
    if photo.own is not photo.rgb or photo.deep is not None:
        try:
            deep = None if photo.deep is None else _changed(photo, after, photo.deep[..., :3], UNIT)
            own = _changed(photo, after, photo.own, 1) if deep is None else eight_bits(deep)
        except (ImageCms.PyCMSError, OSError, ValueError):
            profile = _srgb_profile()
    image = Image.fromarray(own if photo.alpha is None else np.dstack([own, photo.alpha]))
    if profile:
        image.info["icc_profile"] = profile
    if photo.exif:
        image.info["exif"] = _with_size(photo.exif, width, height)
    if photo.deep is not None and deep is not None:
        image.info[DEEP_KEY] = np.dstack([deep, photo.deep[..., 3:]])
    return image


def enlarged(photo: Photo, scale: int) -> Photo:
    """Enlarge the photo to `scale` times as many pixels a side (Lanczos); the same photo for 1."""
    if scale == 1:
        return photo
    rgb = _enlarged(photo.rgb, scale)
    own = rgb if photo.own is photo.rgb else _enlarged(photo.own, scale)
    alpha = None if photo.alpha is None else _enlarged(photo.alpha, scale)
    deep = None
    if photo.deep is not None:  # Pillow resizes 16 bits of one channel only as floats
        wide = np.stack([_enlarged(channel.astype(np.float32), scale) for channel in np.moveaxis(photo.deep, 2, 0)], 2)
        deep = np.rint(np.clip(wide, 0, 65535)).astype(np.uint16)
        own = eight_bits(deep)
        rgb = own if photo.own is photo.rgb else rgb
    return replace(photo, rgb=rgb, own=own, alpha=alpha, deep=deep)


def _enlarged(pixels: np.ndarray, scale: int) -> np.ndarray:
    size = (pixels.shape[1] * scale, pixels.shape[0] * scale)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _photo(picture: Opened) -> Photo:
    whole, profile, exif = picture.upright, picture.profile, _exif(picture.image)
    rgb = np.asarray(flat_srgb(whole, profile))
    alpha = np.asarray(whole.getchannel("A")) if whole.mode == "RGBA" else None
    plain = whole.mode in ("RGB", "RGBA", "P", "PA")
    if profile and not (plain and _is_rgb(profile)):
        return Photo(rgb, rgb, alpha, _srgb_profile() if _readable(profile) else None, exif, None, picture.notes)
    own = np.asarray(whole.convert("RGB")) if profile or alpha is not None else rgb
    return Photo(rgb, own, alpha, profile, exif, picture.deep, picture.notes)


def _changed(photo: Photo, after: np.ndarray, own: np.ndarray, unit: int) -> np.ndarray:
    """Copy `own` (H,W,3), of `unit` levels for each of 8 bits, with what `after` (H,W,3) changed in `photo.rgb`."""
    own, most = own.copy(), 255 * unit
    for top in range(0, len(own), STRIP):
        part = np.s_[top : top + STRIP]
        rows, columns = np.nonzero((after[part] != photo.rgb[part]).any(axis=2))
        if len(rows) == 0:
            continue
        new, old = (_from_srgb(x[part][rows, columns], photo.profile) for x in (after, photo.rgb))
        cover = np.float32(1) if photo.alpha is None else photo.alpha[part][rows, columns, None] / np.float32(255)
        change = (new - old) / np.maximum(cover, 1 / 255) * (cover > 0)
        own[part][rows, columns] = np.rint(np.clip(own[part][rows, columns] + unit * change, 0, most)).astype(own.dtype)
    return own


def _from_srgb(colours: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Convert (n,3) uint8 in sRGB to (n,3) float32 levels in the profile's colours."""
    if profile is None:
        return colours.astype(np.float32)
    target = ImageCms.ImageCmsProfile(BytesIO(profile))
    line = Image.fromarray(colours[None])
    converted = ImageCms.profileToProfile(line, ImageCms.createProfile("sRGB"), target, outputMode="RGB")
    if converted is None:
        raise DPIError("the profile cannot be converted into.")
    return np.asarray(converted)[0].astype(np.float32)


def _readable(profile: bytes) -> bool:
    with suppress(OSError, ValueError, ImageCms.PyCMSError):
        return bool(ImageCms.ImageCmsProfile(BytesIO(profile)).profile.xcolor_space)
    return False


def _is_rgb(profile: bytes) -> bool:
    with suppress(OSError, ValueError, ImageCms.PyCMSError):
        return ImageCms.ImageCmsProfile(BytesIO(profile)).profile.xcolor_space.strip() == "RGB"
    return False


def _srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _exif(image: Image.Image) -> bytes | None:
    """Write the EXIF data of a picture as bytes for a PNG, upright; None where there is none or it is damaged."""
    with suppress(Exception):  # cameras and editors write what they like, and no photo is worth less for it
        found, kept = image.getexif(), Image.Exif()  # what getexif answers belongs to the picture that was given
        for tag, value in found.items():
            if tag not in LAYOUT_TAGS and tag not in SUB_FOLDERS:
                kept[tag] = value
        for tag in SUB_FOLDERS:
            if folder := found.get_ifd(tag):
                kept[tag] = dict(folder)
        if ORIENTATION in kept:
            kept[ORIENTATION] = 1
        return kept.tobytes() if len(kept) else None
    return None


def _with_size(data: bytes, width: int, height: int) -> bytes:
    """Correct the EXIF data's own record of the picture's size, where it has one."""
    with suppress(Exception):
        exif = Image.Exif()
        exif.load(data)
        camera = dict(exif.get_ifd(EXIF_FOLDER))
        if WIDTH_TAG in camera or HEIGHT_TAG in camera:
            exif[EXIF_FOLDER] = {**camera, WIDTH_TAG: width, HEIGHT_TAG: height}
            return exif.tobytes()
    return data
