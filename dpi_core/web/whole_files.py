"""Pictures on their way to a client, in files that are whole or not there.

Gradio names a picture's file by its content and writes it anew, in place, each time the same picture comes: while one visitor's
copy is being sent, another's run cuts it short ("Too little data for declared Content-Length"). Files that are handed to Gradio
as files it renames into place, so this does that with pictures too. By classes, not on an instance: Gradio makes a component
anew for a visitor to whom an update of it was sent.
"""

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder
from PIL import Image


def kept_whole(content: bytes, name: str) -> str:
    """Keep a file where Gradio serves files from, and return its path; the same content and name have the same."""
    with tempfile.TemporaryDirectory(prefix="dpi-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return save_file_to_cache(path, get_upload_folder())


class WholeImage(gr.Image):
    """A `gr.Image` that writes its picture whole."""

    is_template = True  # drawn as an image

    def postprocess(self, value: Any) -> Any:
        return super().postprocess(whole(self, value))


class WholeGallery(gr.Gallery):
    """A `gr.Gallery` that writes its pictures whole."""

    is_template = True  # drawn as a gallery

    def postprocess(self, value: Any) -> Any:
        return super().postprocess(whole(self, value))


def whole(component: gr.Image | gr.Gallery, value: Any) -> Any:
    """Turn every picture in a component's value into the path of a file, in the component's format."""
    if isinstance(value, Image.Image):
        written = BytesIO()
        value.save(written, component.format)
        path = kept_whole(written.getvalue(), f"image.{component.format}")
        component.temp_files.add(path)  # Gradio deletes it after a while
        return path
    if isinstance(value, list | tuple):
        return type(value)(whole(component, item) for item in value)
    return value
