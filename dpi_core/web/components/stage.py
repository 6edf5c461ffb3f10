"""The stage as a Gradio component: a timeline whose split is tau, the face, and what belongs to the step shown.

Its value is a run (`dpi_core.web.stage_data`), its property `plan` what the controls say now and, in it, the photo's face
before its first run (`dpi_core.web.chosen_face`): of two properties that change at once the page would take the last alone.
`stage.js` draws both. It triggers "tau" with the new split when that is let go.
"""

from typing import Any

from dpi_core.web.components.data_html import DataHTML


class Stage(DataHTML):
    """See the module.

    Args:
        value: what is shown, as `stage_data` builds it.
        plan: what a run would do, as `stage_data.plan_of` builds it.
    """

    files = "stage"

    def __init__(self, value: dict[str, Any] | None = None, *, plan: dict[str, Any] | None = None, **options: Any):
        super().__init__(value or {"state": "empty"}, plan=plan or {}, **options)
