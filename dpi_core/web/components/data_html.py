"""A Gradio component whose value is data: its template, style and script are files of one name beside it.

``common.css`` and ``common.js`` stand before each one's own.
"""

from pathlib import Path
from typing import Any

import gradio as gr

HERE = Path(__file__).parent


class DataHTML(gr.HTML):
    """See the module; a subclass names its `files`, and its script draws `props.value`."""

    files = ""

    def __init__(self, value: dict[str, Any] | None = None, **options: Any):
        super().__init__(
            value or {"state": "ready"},
            html_template=(HERE / f"{self.files}.html").read_text(),
            css_template=self._text("css"),
            js_on_load=self._text("js"),
            apply_default_css=False,
            **options,
        )

    def _text(self, kind: str) -> str:
        return "".join((HERE / f"{name}.{kind}").read_text() for name in ("common", self.files))

    def preprocess(self, payload: Any) -> Any:
        """Pass the value on as it is."""
        return payload

    def postprocess(self, value: Any) -> Any:
        """Pass the value on as it is: data, not HTML."""
        return value

    def api_info(self) -> dict[str, Any]:
        """Describe the value as a JSON object."""
        return {"type": "object"}
