"""The photo input: Gradio's image component without its decoding.

Gradio opens an upload before any function of ours runs: a damaged one ends in a bare error, one of a billion pixels fills
the memory. This one hands the file on as it is, so that `dpi_core.imaging.pictures.read_image` decodes it and answers with a
message.
"""

import base64
import binascii
import mimetypes

import gradio as gr
from gradio.data_classes import ImageData

from dpi_core.errors import DPIError
from dpi_core.web.whole_files import kept_whole


class PhotoInput(gr.Image):
    """A `gr.Image` whose value in Python is the path of the uploaded file, undecoded.

    A class and no changed instance: Gradio makes a component anew for a visitor to whom an update of it was sent.
    """

    is_template = True  # drawn as an image

    def preprocess(self, payload: ImageData | None) -> str | None:
        """Return the path, checked before (`web.uploads`); gr.Error on a URL that holds no picture."""
        if payload is None:
            return None
        if payload.path:
            return payload.path
        try:
            path = saved_data_url(payload.url or "")
        except DPIError as error:
            raise gr.Error(str(error), print_exception=False) from error
        self.temp_files.add(path)  # Gradio deletes it after a while, as it does uploads
        return path


def photo_input(**options) -> PhotoInput:
    """Make the photo input; takes the options of `gr.Image`."""
    return PhotoInput(type="filepath", **options)


def saved_data_url(url: str) -> str:
    """Keep what a ``data:`` URL holds as a file among the uploads; its path. DPIError on any other URL: none is fetched."""
    head, _, data = url.partition(",")
    kind = head.removeprefix("data:").partition(";")[0]
    try:
        if not (head.startswith("data:") and head.endswith(";base64")):
            raise binascii.Error
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DPIError("image has neither a path nor a data: URL in base64; upload a photo first.") from error
    return kept_whole(content, f"photo{mimetypes.guess_extension(kind) or ''}")
