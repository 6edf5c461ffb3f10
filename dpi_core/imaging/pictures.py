"""Reading pictures that people have, and writing results that keep their settings.

Whatever comes in (16-bit, CMYK, palette, grey, transparent, rotated by EXIF, animated) leaves as an upright 8-bit sRGB
picture, or as an `ImageError` whose message a person can act on.
"""

import json
import warnings
from dataclasses import dataclass, replace
from io import BytesIO
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin, UnidentifiedImageError

from dpi_core.errors import DPIError
from dpi_core.imaging.deep import deep_pixels, deep_png, eight_bits
from dpi_core.imaging.formats import SUFFIXES, open_undecoded
from dpi_core.imaging.mending import mended, missing_part

MAX_PIXELS = 64_000_000
LEAST_PART = 0.5  # of a picture that is cut off; with less it is refused
ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SETTINGS_KEY = "dpi_core"
DEEP_KEY = "sixteen_bits"

ImageLike = Image.Image | np.ndarray | str | PathLike | bytes


class ImageError(DPIError):
    """A picture that cannot be used; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A picture as it was read.

    Attributes:
        image: as Pillow opened it, for its metadata.
        upright: EXIF rotation applied, 8 bits a channel, in its own colours; RGBA where it has transparency.
        deep: (H,W,3) or (H,W,4) uint16, `upright` with 16 bits a channel where the file has them; else None.
        notes: sentences on what could not be read.
    """

    image: Image.Image
    upright: Image.Image
    deep: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    @property
    def profile(self) -> bytes | None:
        """The embedded ICC profile."""
        return self.image.info.get("icc_profile")


def read_image(source: ImageLike) -> Image.Image:
    """Read an upright 8-bit sRGB picture from a file, its bytes, a PIL image or an RGB or grey array.

    Transparency is laid over white, EXIF rotation applied, an embedded colour profile converted to sRGB and the first
    frame of an animation taken. Floating-point arrays are in [0, 1].

    Raises:
        ImageError: if the source is missing, empty, damaged, no picture, or has more than 64 million pixels.
    """
    picture = open_picture(source)
    return flat_srgb(picture.upright, picture.profile)


def open_picture(source: ImageLike) -> Opened:
    """Read a picture with its own colours and bits; damage that leaves its pixels whole, or most of them, is noted.

    Raises:
        ImageError: as `read_image`.
    """
    if isinstance(source, np.ndarray):
        return _opened(_from_array(source), "The picture")
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
            return _opened(data, name) if isinstance(data, Image.Image) else _decoded(data, name)
    except UnidentifiedImageError as error:
        allowed = ", ".join(SUFFIXES)
        raise ImageError(f"{name}: this is not a picture that can be read. Use one of {allowed}.") from error
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large(name)) from error
    except ImageError:
        raise
    except Exception as error:  # decoders raise what they like on damaged data: SyntaxError, struct.error, OSError ..
        raise ImageError(f"{name}: the picture is damaged ({error}). Choose another copy of it.") from error


def _decoded(data: bytes, name: str) -> Opened:
    try:
        return _opened(open_undecoded(data), name, data)
    except (ImageError, Image.DecompressionBombError):
        raise
    except Exception:
        better = mended(data)
        if better is None:
            raise
    data, note = better
    picture = _opened(open_undecoded(data), name, data)
    if picture.image.format in ("JPEG", "MPO"):
        missing = missing_part(np.asarray(picture.image))
        if missing > 1 - LEAST_PART:
            raise ImageError(
                f"{name}: the picture is damaged: {missing:.0%} of it is missing. Choose another copy of it."
            )
        note += (
            f"; {missing:.0%} of the picture is missing and grey" if missing else "; the picture was read all the same"
        )
    return replace(picture, notes=(f"{name}: {note}.", *picture.notes))


def _too_large(name: str, size: tuple[int, int] | None = None) -> str:
    found = f"{size[0]}x{size[1]} pixels" if size else "far too many pixels"
    return f"{name}: {found}; at most {MAX_PIXELS // 1_000_000} million are allowed. Make the picture smaller first."


def _opened(image: Image.Image, name: str, data: bytes | None = None) -> Opened:
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(_too_large(name, image.size))
    if image.width < 1 or image.height < 1:
        raise ImageError(f"{name}: the picture is empty.")
    image.load()
    turn, notes = None, list[str]()
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # cameras and editors write what they like, and no photo is worth less for it
        notes.append(f"{name}: Left out, being damaged: EXIF data.")
    try:
        deep = None if data is None else deep_pixels(image, data)
    except DPIError as error:
        raise ImageError(f"{name}: {error}") from error
    whole = _eight_bit(image, name) if deep is None else Image.fromarray(eight_bits(deep))
    if whole.mode in ("LA", "La", "PA", "RGBa") or "transparency" in whole.info:
        whole = whole.convert("RGBA")
    if turn is not None:
        whole = whole.transpose(turn)
        deep = None if deep is None else _transposed(deep, turn)
    return Opened(image, whole, deep, tuple(notes))


def _transposed(pixels: np.ndarray, turn: Image.Transpose) -> np.ndarray:
    channels = [np.asarray(Image.fromarray(pixels[..., i]).transpose(turn)) for i in range(pixels.shape[2])]
    return np.stack(channels, axis=2)


def flat_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Bring an upright picture to RGB in sRGB: transparency laid over white, then converted from `profile` where it has one."""
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


def _eight_bit(image: Image.Image, name: str) -> Image.Image:
    if not (image.mode.startswith("I") or image.mode == "F"):
        return image
    values = np.asarray(image, np.float64)
    if image.mode.startswith("I") and values.max() > 65535:
        raise ImageError(f"{name}: a picture of 32 bits a channel cannot be read. Save it with 8 or 16.")
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

    The colour profile, the EXIF data and the 16-bit pixels (`DEEP_KEY`) in `image.info` are written too.
    """
    text = PngImagePlugin.PngInfo()
    text.add_itxt(SETTINGS_KEY, json.dumps(settings))
    text.add_text("Software", "dpi_core, Diffusion Prior Interpolation (arXiv 2412.16552)")
    text.add_text("Comment", "A plausible face computed from a prior, not evidence of identity.")
    deep, exif = image.info.get(DEEP_KEY), image.info.get("exif")
    if deep is None or deep.shape[:2] != image.size[::-1]:  # those of a picture that this one was made from
        image.save(path, "PNG", pnginfo=text, exif=exif)
        return
    described = BytesIO()
    image.crop((0, 0, 1, 1)).save(described, "PNG", pnginfo=text, exif=exif)
    data = deep_png(deep, described.getvalue())
    if isinstance(path, BytesIO):
        path.write(data)
    else:
        Path(path).write_bytes(data)


def read_settings(path: str | PathLike) -> dict:
    """Read the settings that `save_png` wrote; ImageError if the file is no such PNG."""
    try:
        with Image.open(path) as image:
            return json.loads(image.info[SETTINGS_KEY])
    except (OSError, KeyError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f"{Path(path).name}: holds no settings; only PNG files saved by this program do.") from error
