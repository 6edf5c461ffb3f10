"""Which files a client may name: those uploaded to this server and the shipped examples, and nothing else on its disk.

A client sends a file as ``{"path": .., "meta": ..}``. Gradio checks the path only where ``meta`` is there too, and tells by its
message what it met; so every input of every event passes `GuardedBlocks` first: the page's, HTTP's and MCP's.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from dpi_core.web.checks import REFUSED, message_of
from dpi_core.web.fair_queue import FairQueue
from dpi_core.weights.embedded_files import ASSETS


class GuardedBlocks(gr.Blocks):
    """Blocks that open no file but uploads and examples, tell nobody of an error not made for people, and queue fairly."""

    def queue(self, *args, **options):
        """See `gr.Blocks`."""
        super().queue(*args, **options)
        self._queue = FairQueue.of(self)
        return self

    async def process_api(self, *args, **options):
        """See `gr.Blocks`; raises gr.Error alone."""
        try:
            return await super().process_api(*args, **options)
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(message_of(error), print_exception=False) from error

    async def preprocess_data(self, block_fn, inputs, state, explicit_call=False):
        """See `gr.Blocks`; raises gr.Error with one sentence for every other file, whether it exists or not."""
        if not all(may_be_opened(file) for file in named_files(inputs)):
            raise gr.Error(REFUSED, print_exception=False)
        return await super().preprocess_data(block_fn, inputs, state, explicit_call)


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
