"""What the server answers at all: the page's own routes, and no body that would fill memory or disk.

Gradio brings routes that this page has no use for. Some act for whoever asks: they fetch an address, run FFmpeg on a video,
write files, tell what others did. They are shut here, before anything else looks at a request.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from gradio.utils import get_upload_folder
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dpi_core.web.uploads import FILE, has_gone

FILE_BYTES = 64 << 20
"""The largest photo; Gradio holds an upload to it."""
MOST_BYTES = 96 << 20
"""The largest body of a request: such a photo as a data URL, a third larger, and what stands around it."""
KEPT_FREE = 256 << 20
"""Uploads are refused where they would leave less on the disk, so that results can still be written."""
SHUT = re.compile(
    r"/gradio_api/(file=([a-z][a-z0-9+.-]*:|//)|proxy=|process_recording|deep_link|component_server|(undo-)?vibe-|stream/)"
    r"|^/monitoring",
    re.IGNORECASE,
)
UPLOAD = "/gradio_api/upload"

NO_DOOR = "There is nothing here."
GONE = (
    "This file has gone: photos and results stay while their page is open and about an hour longer. Upload the photo or run it "
    "again."
)
TOO_LARGE = f"The request is too large; a photo may have {FILE_BYTES >> 20} MB."
NO_ROOM = "The server's disk is full; nothing was uploaded. Try again later."


class TooLargeError(Exception):
    """A body went on after the largest that is read."""


class Doors:
    """ASGI middleware: answers 404, 413 or 507 with a sentence, or hands the request on."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = refusal(scope["path"], Headers(scope=scope))
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        if refused is None:
            try:
                await self.app(scope, limited(receive), sending)
                return
            except TooLargeError:
                if begun:
                    raise
                refused = 413, TOO_LARGE
        status, text = refused
        await JSONResponse({"detail": text, "error": text}, status)(scope, receive, send)


def refusal(path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
    """Say why a request is not let in, as HTTP status and sentence, or None."""
    if SHUT.search(path):
        return 404, NO_DOOR
    if (asked := FILE.search(path)) and has_gone(asked[1]):
        return 404, GONE
    length = headers.get("content-length", "")
    size = int(length) if length.isdecimal() else 0
    if size > MOST_BYTES:
        return 413, TOO_LARGE
    if path.rstrip("/").endswith(UPLOAD) and free_bytes(Path(get_upload_folder())) < KEPT_FREE + size:
        return 507, NO_ROOM
    return None


def free_bytes(folder: Path) -> int:
    """Count the bytes that are free where a folder is or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def limited(receive: Receive) -> Receive:
    """Let a body be received up to `MOST_BYTES`, whatever its header says; TooLargeError after."""
    seen = 0

    async def receiving() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            raise TooLargeError
        return message

    return receiving
