"""Which pictures are read: one list for files, folders and the decoders."""

from io import BytesIO

from PIL import Image

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".heic", ".heif", ".jp2"),
    *(".bmp", ".tif", ".tiff", ".gif"),
)
# Pillow's names; others, such as EPS, would start programs.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "HEIF", "JPEG2000", "BMP", "TIFF", "GIF")


def open_undecoded(data: bytes) -> Image.Image:
    """Open the bytes of a picture of one of `FORMATS`, pixels not decoded; UnidentifiedImageError if it is none."""
    if data[4:8] == b"ftyp":  # HEIF and AVIF are boxes of ISO's media file format
        from pillow_heif import register_heif_opener

        register_heif_opener(thumbnails=False)
    Image.init()
    return Image.open(BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])
