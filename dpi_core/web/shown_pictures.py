"""Photos of kinds that a browser does not decode, shown to it all the same: HEIC, TIFF and JPEG 2000.

The photo stays the file that was uploaded, which is what a run reads. Where an ``<img>`` of the page asks for it, and says that
it takes WebP but not that kind (content negotiation, RFC 9110), it is sent a reduced WebP of what was read.
"""

from functools import lru_cache
from io import BytesIO
from pathlib import Path

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dpi_core.errors import DPIError
from dpi_core.web.looked_at import ONE_AT_A_TIME
from dpi_core.web.uploads import FILE, may_be_opened

SIDE = 1600
"""As large as the input shows a photo, full screen."""
KEPT = 16
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class ShownPictures:
    """ASGI middleware: answers a browser's request for such a photo, or hands the request on."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        answer = None
        if scope["type"] == "http" and scope["method"] == "GET" and (asked := FILE.search(scope["path"])):
            accepted = {part.partition(";")[0].strip() for part in Headers(scope=scope).get("accept", "").split(",")}
            if "image/webp" in accepted:
                answer = await run_sync(shown, asked[1], accepted)
        if answer is None:
            await self.app(scope, receive, send)
        else:
            told = {"Vary": "Accept", "X-Content-Type-Options": "nosniff"}
            await Response(answer, media_type="image/webp", headers=told)(scope, receive, send)


def shown(path: str, accepted: set[str]) -> bytes | None:
    """Make a WebP of an upload of a kind that is not among the `accepted` media types; None for every other file."""
    if not may_be_opened({"path": path}):
        return None
    try:
        with Path(path).open("rb") as file:
            kind = kind_of(file.read(12))
        if kind is None or kind in accepted:
            return None
        with ONE_AT_A_TIME:
            return _webp(path, Path(path).stat().st_size)
    except (DPIError, OSError):  # the page says what is wrong with it
        return None


def kind_of(head: bytes) -> str | None:
    """Tell the media type of a picture that not every browser shows by its first twelve bytes; None for all others."""
    if head[4:8] == b"ftyp":
        return None if head[8:11] == b"avi" else "image/heic"  # avif, avis
    if head[:4] in TIFF:
        return "image/tiff"
    return "image/jp2" if head[4:8] == b"jP  " or head[:4] == b"\xff\x4f\xff\x51" else None


@lru_cache(KEPT)
def _webp(path: str, _size: int) -> bytes:
    from dpi_core.imaging.pictures import read_image

    picture, written = read_image(path), BytesIO()
    picture.thumbnail((SIDE, SIDE))
    picture.save(written, "webp", quality=90)
    return written.getvalue()
