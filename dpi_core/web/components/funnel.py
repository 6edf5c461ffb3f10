"""Seeds side by side as a Gradio component: many faces at first, how they come together, and where they still differ.

Its value is a comparison (`dpi_core.web.seeds_data`), drawn by `funnel.js`. It triggers "choose" with the seed of a face that
was clicked, and "variety" where the seeds agree and others are asked for.
"""

from typing import Any

from dpi_core.web.components.data_html import DataHTML


class Funnel(DataHTML):
    """See the module; takes the value as data."""

    files = "funnel"

    def __init__(self, value: dict[str, Any] | None = None, **options: Any):
        super().__init__(value or {"state": "ready"}, **options)
