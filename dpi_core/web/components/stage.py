"""The stage as a Gradio component: a timeline whose split is tau, the face, and what belongs to the step shown.

Its value is a run (`dpi_core.web.stage_data`), its property `plan` what the controls say now; `stage.js` draws both. It
triggers "tau" with the new split when that is let go.
"""

from pathlib import Path
from typing import Any

import gradio as gr

HERE = Path(__file__).parent


class Stage(gr.HTML):
    """See the module.

    Args:
        value: what is shown, as `stage_data` builds it.
        plan: what a run would do, as `stage_data.plan_of` builds it.
    """

    def __init__(self, value: dict[str, Any] | None = None, *, plan: dict[str, Any] | None = None, **options: Any):
        super().__init__(
            value or {"state": "empty"},
            html_template=(HERE / "stage.html").read_text(),
            css_template=(HERE / "stage.css").read_text(),
            js_on_load=(HERE / "stage.js").read_text(),
            apply_default_css=False,
            plan=plan or {},
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
