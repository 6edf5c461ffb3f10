"""A part of the page as a Gradio component whose value is data: its template, style and script are files of one name beside it.

``common.css`` and ``common.js`` stand before each one's own.
"""

from pathlib import Path
from typing import Any

import gradio as gr

HERE = Path(__file__).parent


class DataHTML(gr.HTML):
    """See the module; the script draws `props.value`, and its head says what it triggers.

    Args:
        value: what is shown; Gradio gives none where it makes the component anew for a visitor.
        files: the name of its files.
    """

    def __init__(self, value: dict[str, Any] | None = None, *, files: str, **options: Any):
        super().__init__(
            value or {"state": "empty"},
            html_template=(HERE / f"{files}.html").read_text(),
            css_template=_text("css", files),
            js_on_load=_text("js", files),
            apply_default_css=False,
            **options,
        )

    def preprocess(self, payload: Any) -> Any:
        """Pass the value on as it is."""
        return payload

    def postprocess(self, value: Any) -> Any:
        """Pass the value on as it is: data, not HTML."""
        return value

    def api_info(self) -> dict[str, Any]:
        """Describe the value as a JSON object."""
        return {"type": "object"}


def _text(kind: str, files: str) -> str:
    return "".join((HERE / f"{name}.{kind}").read_text() for name in ("common", files))
