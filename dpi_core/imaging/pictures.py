"""Reading pictures that people have, and writing results that keep their settings.

Whatever comes in (16-bit, CMYK, palette, grey, transparent, rotated by EXIF, animated) leaves as an upright 8-bit sRGB
picture, or as an `ImageError` whose message a person can act on.
"""

import json
import warnings
from collections.abc import Callable
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError

from dpi_core.errors import DPIError

MAX_PIXELS = 64_000_000
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")  # others, such as EPS, would start programs
SETTINGS_KEY = "dpi_core"

ImageLike = Image.Image | np.ndarray | str | PathLike | bytes
Made = TypeVar("Made")


class ImageError(DPIError):
    """A picture that cannot be used; the message says why and what to do."""


def read_image(source: ImageLike) -> Image.Image:
    """An upright 8-bit sRGB picture from a file, its bytes, a PIL image or an RGB or grey array.

    Transparency is laid over white, EXIF rotation applied, an embedded colour profile converted to sRGB and the first
    frame of an animation taken. Floating-point arrays are in [0, 1].

    Raises:
        ImageError: if the source is missing, empty, damaged, no picture, or has more than 64 million pixels.
    """
    return opened(source, lambda image, name: flat_srgb(upright(image, name), image.info.get("icc_profile")))


def opened(source: ImageLike, make: Callable[[Image.Image, str], Made]) -> Made:
    """What `make` makes of a source as Pillow opens it, undecoded, and its name; it may fail as decoders do.

    Raises:
        ImageError: as `read_image`.
    """
    if isinstance(source, np.ndarray):
        return make(_from_array(source), "The picture")
    if isinstance(source, Image.Image | bytes):
        name, data = "The picture", source
    else:
        path = Path(source)
        name = path.name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ImageError(f"{name}: the file cannot be read ({error.strerror or error}).") from error
    if data == b"":
        raise ImageError(f"{name}: the file is empty. Choose another picture.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size is checked below, before anything is decoded
            if isinstance(data, Image.Image):
                return make(data, name)
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                return make(image, name)
    except UnidentifiedImageError as error:
        allowed = ", ".join(SUFFIXES)
        raise ImageError(f"{name}: this is not a picture that can be read. Use one of {allowed}.") from error
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large(name)) from error
    except ImageError:
        raise
    except Exception as error:  # decoders raise what they like on damaged data: SyntaxError, struct.error, OSError ..
        raise ImageError(f"{name}: the picture is damaged ({error}). Choose another copy of it.") from error


def _too_large(name: str, size: tuple[int, int] | None = None) -> str:
    found = f"{size[0]}x{size[1]} pixels" if size else "far too many pixels"
    return f"{name}: {found}; at most {MAX_PIXELS // 1_000_000} million are allowed. Make the picture smaller first."


def upright(image: Image.Image, name: str) -> Image.Image:
    """The picture with EXIF rotation applied, at 8 bits a channel, in its own colours; RGBA where it has transparency.

    Raises:
        ImageError: if it is empty or has more than 64 million pixels.
    """
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(_too_large(name, image.size))
    if image.width < 1 or image.height < 1:
        raise ImageError(f"{name}: the picture is empty.")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bit(image)
    if image.mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    return image


def flat_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An upright picture as RGB in sRGB: transparency laid over white, then converted from `profile` where it has one."""
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    if image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("RGB")
    if profile:
        image = _to_srgb(image, profile)
    rgb = image.convert("RGB")
    rgb.info = {}
    return rgb


def _eight_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image, np.float64)
    top = 65535.0 if image.mode.startswith("I") else max(1.0, float(np.nanmax(values)))
    return Image.fromarray(np.clip(np.nan_to_num(values) / top * 255.0 + 0.5, 0, 255).astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a broken profile is common and harmless: viewers ignore it too
    return converted if converted is not None else image


def _from_array(array: np.ndarray) -> Image.Image:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or 0 in array.shape:
        raise ImageError(f"The array has shape {array.shape}; expected (H, W), (H, W, 3) or (H, W, 4).")
    if array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)
    elif np.issubdtype(array.dtype, np.floating):
        if np.nanmin(array) < 0 or np.nanmax(array) > 1:
            raise ImageError("The array holds floats outside [0, 1]; expected uint8, uint16 or floats in [0, 1].")
        array = np.rint(np.nan_to_num(array) * 255).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise ImageError(f"The array is {array.dtype}; expected uint8, uint16 or floats in [0, 1].")
    return Image.fromarray(array.squeeze(2) if array.ndim == 3 and array.shape[2] == 1 else array)


def save_png(image: Image.Image, path: str | PathLike | BytesIO, settings: dict) -> None:
    """Write a lossless PNG whose text chunk holds `settings` as JSON; `read_settings` reads them back.

    The colour profile and the EXIF data in `image.info` are written too.
    """
    text = PngImagePlugin.PngInfo()
    text.add_itxt(SETTINGS_KEY, json.dumps(settings))
    text.add_text("Software", "dpi_core, Diffusion Prior Interpolation (arXiv 2412.16552)")
    text.add_text("Comment", "A plausible face computed from a prior, not evidence of identity.")
    image.save(path, "PNG", pnginfo=text, exif=image.info.get("exif"))


def read_settings(path: str | PathLike) -> dict:
    """The settings that `save_png` wrote.

    Raises:
        ImageError: if the file is no such PNG.
    """
    try:
        with Image.open(path) as image:
            return json.loads(image.info[SETTINGS_KEY])
    except (OSError, KeyError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f"{Path(path).name}: holds no settings; only PNG files saved by this program do.") from error
