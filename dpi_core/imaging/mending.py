"""Mend files that a browser shows though a strict decoder refuses them: the pixels are kept, the rest is told.

A PNG loses the chunks of metadata that cannot be read (wrong checksum, malformed, larger than 1 MB once unpacked). A JPEG
that ends early gets the end marker it lacks; its decoder then fills what is missing with grey.
"""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
END_OF_JPEG = b"\xff\xd9"
FILLED = 128  # the grey of blocks without data
NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT")
TITLES = {b"iCCP": "colour profile", b"eXIf": "EXIF data", b"tEXt": "text", b"zTXt": "text", b"iTXt": "text"}


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Build a chunk of a PNG with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and bytes, length and checksum included, of each whole chunk of a PNG."""
    at = len(PNG)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end <= len(data):
            yield data[at + 4 : at + 8], data[at:end]
        at = end


def mended(data: bytes) -> tuple[bytes, str] | None:
    """Mend a file that could not be decoded: its bytes and a note on what was done, or None where nothing helps."""
    if data.startswith(PNG):
        return _without_bad_chunks(data)
    if data.startswith(JPEG):
        return data + END_OF_JPEG, "The file ends early"
    return None


def missing_part(pixels: np.ndarray) -> float:
    """Tell which part of a mended JPEG's rows (H,W) or (H,W,C) is missing: those at its end that are filled throughout."""
    there = np.flatnonzero((pixels != FILLED).any(axis=tuple(range(1, pixels.ndim))))
    return 1 - (there[-1] + 1) / len(pixels) if len(there) else 1.0


def _without_bad_chunks(data: bytes) -> tuple[bytes, str] | None:
    kept, dropped = [PNG], []
    for kind, chunk in png_chunks(data):
        if kind in NEEDED or _is_sound(chunk):
            kept.append(chunk)
        else:
            dropped.append(TITLES.get(kind, "metadata"))
    if not dropped:
        return None
    return b"".join(kept), f"Left out, being damaged or too large: {', '.join(dict.fromkeys(dropped))}"


def _is_sound(chunk: bytes) -> bool:
    """Tell whether Pillow reads a picture of one pixel with this chunk in it."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    pixel = png_chunk(b"IDAT", zlib.compress(bytes(4)))
    try:
        with Image.open(BytesIO(PNG + header + chunk + pixel + png_chunk(b"IEND", b"")), formats=["PNG"]) as image:
            image.load()
            image.getexif()
    except Exception:  # decoders raise what they like
        return False
    return True
