"""Sixteen bits a channel, which Pillow reads as eight and cannot write: PNG and TIFF in, PNG out.

Pillow also reads 16-bit TIFFs of separate planes, and those whose zero is white, as something else than they show; what
cannot be read right here is refused.
"""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from dpi_core.errors import DPIError
from dpi_core.imaging.mending import PNG, png_chunks

UNIT = 257  # 16-bit levels in one 8-bit level
BITS, PHOTOMETRIC, SAMPLES, PLANAR, EXTRA = 258, 262, 277, 284, 338  # TIFF tags
READ_RIGHT = (1, 2, 4, 8, 16, 32)


def deep_pixels(image: Image.Image, data: bytes) -> np.ndarray | None:
    """Read the 16-bit pixels of a file that Pillow has opened as `image`, not yet turned upright; None where it has 8 bits.

    Returns:
        (H,W,3) or (H,W,4) uint16, RGB(A), grey repeated; None also for the kinds (CMYK, premultiplied alpha) that Pillow
        reads right at 8 bits.

    Raises:
        DPIError: for a TIFF that would be read wrong.
    """
    if image.format == "PNG" and data[24] == 16 and "transparency" not in image.info:
        pixels = _coloured(_by_opencv(data))
    else:
        pixels = _from_tiff(image.tag_v2, data) if image.format == "TIFF" else None  # type: ignore[attr-defined]
    if pixels is not None and pixels.shape[:2] != (image.height, image.width):
        raise DPIError("two decoders see pictures of different sizes in it; it is damaged. Choose another copy of it.")
    return pixels


def eight_bits(deep: np.ndarray) -> np.ndarray:
    """Round levels of 16 bits, uint16 of any shape, to the nearest of 8 bits, uint8."""
    return (deep // UNIT + (deep % UNIT > UNIT // 2)).astype(np.uint8)


def deep_png(deep: np.ndarray, described: bytes) -> bytes:
    """Encode a PNG of `deep` (H,W,3) or (H,W,4) uint16, RGB(A), with the metadata of the PNG `described`."""
    import cv2

    order = [2, 1, 0, 3][: deep.shape[2]]
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(deep[..., order]))
    if not done:
        raise DPIError("this build of OpenCV cannot write a 16-bit PNG.")
    (_, header), *rest = png_chunks(encoded.tobytes())
    told = [chunk for kind, chunk in png_chunks(described) if kind not in (b"IHDR", b"IDAT", b"IEND")]
    return b"".join([PNG, header, *told, *(chunk for _, chunk in rest)])


def _from_tiff(tags: Any, data: bytes) -> np.ndarray | None:
    bits = set(tags.get(BITS, (1,)))
    if not bits <= set(READ_RIGHT):
        raise DPIError(f"a TIFF of {max(bits)} bits a channel cannot be read. Save it with 8 or 16.")
    if bits != {16}:
        return None
    photometric, samples, planes = tags.get(PHOTOMETRIC), tags.get(SAMPLES, 1), tags.get(PLANAR, 1) == 2
    simple = (photometric in (0, 1) and samples == 1) or (
        photometric == 2 and (samples == 3 or (samples == 4 and tuple(tags.get(EXTRA, ())) == (2,)))
    )
    separate = planes and samples > 1
    pixels = (_by_tifffile(data) if separate else _by_opencv(data)) if simple else None
    if pixels is None and (separate or photometric == 0):
        raise DPIError("this kind of 16-bit TIFF (separate planes, or white as zero) cannot be read. Save it as a PNG.")
    return _coloured(65535 - pixels if pixels is not None and photometric == 0 else pixels)


def _by_opencv(data: bytes) -> np.ndarray | None:
    import cv2

    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if pixels is None or pixels.dtype != np.uint16:
        return None
    return pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]])


def _by_tifffile(data: bytes) -> np.ndarray | None:
    import tifffile

    try:
        with tifffile.TiffFile(BytesIO(data)) as file:
            pixels = file.pages[0].asarray()
    except Exception:  # damaged, or compressed by a codec that is not at hand
        return None
    return np.ascontiguousarray(np.moveaxis(pixels, 0, -1))


def _coloured(pixels: np.ndarray | None) -> np.ndarray | None:
    return np.repeat(pixels[..., None], 3, axis=2) if pixels is not None and pixels.ndim == 2 else pixels
