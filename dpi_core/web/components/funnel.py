"""Seeds side by side as a Gradio component: many faces at first, how they come together, and where they still differ.

Its value is a comparison (`dpi_core.web.seeds_data`), drawn by `funnel.js`. It triggers "choose" with the seed of a face that
was clicked and its settings, and "variety" where the seeds agree and others are asked for.
"""

from dpi_core.web.components.data_html import DataHTML


class Funnel(DataHTML):
    """See the module; takes the value as data."""

    files = "funnel"
