"""The faces to tick, as a Gradio component that does not mind a photo that was taken away in between."""

from typing import Any

import gradio as gr


class FaceChoice(gr.CheckboxGroup):
    """See the module: a face that is ticked on the page, but was of the photo before, counts no more."""

    def preprocess(self, payload: Any) -> Any:
        """Pass on those that are there."""
        there = [value for _, value in self.choices]
        return [value for value in payload or [] if value in there]

    def get_block_name(self) -> str:
        """Name the component that the browser draws."""
        return "checkboxgroup"
