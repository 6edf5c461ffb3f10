"""The photo input: Gradio's image component without its decoding.

Gradio opens an upload before any function of ours runs, and a damaged one ends in a bare error. This one hands the file
on as it is, so that `dpi_core.imaging.pictures.read_image` decodes it and answers with a message.
"""

import gradio as gr
from gradio.data_classes import ImageData


def photo_input(**options) -> gr.Image:
    """Make a `gr.Image` whose value in Python is the path of the uploaded file, undecoded; takes its options."""
    component = gr.Image(type="filepath", **options)
    decode = component.preprocess

    def preprocess(payload: ImageData | None):
        # A payload without a path is a data: URL, which some clients send; Gradio writes it to a file. Which paths a client
        # may name is checked before (`web.uploads`).
        return payload.path if payload is not None and payload.path else decode(payload)

    component.preprocess = preprocess  # type: ignore[method-assign]  # an instance attribute: a subclass would make Gradio write a stub file here
    return component
