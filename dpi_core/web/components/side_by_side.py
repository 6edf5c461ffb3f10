"""Two results of one face as a Gradio component: both while they run, then one over the other, where they differ, and figures.

Its value is a comparison of two (`dpi_core.web.ab_data`), drawn by `side_by_side.js`.
"""

from dpi_core.web.components.data_html import DataHTML


class SideBySide(DataHTML):
    """See the module; takes the value as data."""

    files = "side_by_side"
