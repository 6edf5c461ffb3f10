"""Pictures on their way to a client, in files that are whole or not there.

Gradio names a picture's file by its content and writes it anew, in place, each time the same picture comes: while one visitor's
copy is being sent, another's run cuts it short ("Too little data for declared Content-Length"). Files that are handed to Gradio
as files it renames into place, so this does that with pictures too.
"""

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

Component = TypeVar("Component", gr.Image, gr.Gallery)


def kept_whole(content: bytes, name: str) -> str:
    """Keep a file where Gradio serves files from, and return its path; the same content and name have the same."""
    with tempfile.TemporaryDirectory(prefix="dpi-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return save_file_to_cache(path, get_upload_folder())


def with_whole_files(component: Component) -> Component:
    """Let a component that shows pictures write them as the module says, in its format."""
    show = component.postprocess

    def whole(value: Any) -> Any:
        if isinstance(value, Image.Image):
            written = BytesIO()
            value.save(written, component.format)
            path = kept_whole(written.getvalue(), f"image.{component.format}")
            component.temp_files.add(path)  # Gradio deletes it after a while
            return path
        if isinstance(value, list | tuple):
            return type(value)(whole(item) for item in value)
        return value

    component.postprocess = lambda value: show(whole(value))  # type: ignore[method-assign]  # as in `photo_input`
    return component
