"""Which files a client may name: those uploaded to this server and the shipped examples, and nothing else on its disk.

A client sends a file as ``{"path": .., "meta": ..}``. Gradio checks the path only where ``meta`` is there too, and tells by its
message what it met; so every input of every event passes `web.guarded_blocks` first: the page's, HTTP's and MCP's.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from dpi_core.weights.embedded_files import ASSETS

FILE = re.compile(r"/gradio_api/file=(.+)$", re.DOTALL)
"""The path of a request for a file."""


def named_files(value: Any) -> Iterator[dict]:
    """Yield every object with a path, however deep it lies in what a client sent."""
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if isinstance(value.get("path"), str):
                yield value
            left += value.values()
        elif isinstance(value, list):
            left += value


def may_be_opened(file: dict) -> bool:
    """Tell whether a file a client names is an upload or an example; links and ``..`` are resolved before.

    An address is neither: Gradio would fetch it, and what this machine can reach is not for others to ask for.
    """
    try:
        path = Path(file["path"]).resolve()
    except (OSError, ValueError, RuntimeError):  # a name too long, a zero byte, links in a circle
        return False
    return any(path.is_relative_to(Path(folder).resolve()) for folder in (get_upload_folder(), ASSETS / "examples"))


def has_gone(path: str) -> bool:
    """Tell whether a path among the uploads and results, where all have names that nobody guesses, is no file any more."""
    try:
        found = Path(path).resolve()
    except (OSError, ValueError, RuntimeError):
        return False
    return found.is_relative_to(Path(get_upload_folder()).resolve()) and not found.exists()
