"""A grid of faces over two settings as a Gradio component: the faces, a map of each measure, the chosen one beside the input.

Its value is a grid (`dpi_core.web.explore_data`), drawn by `settings_grid.js`. It triggers "use" with the settings of the
chosen cell.
"""

from dpi_core.web.components.data_html import DataHTML


class SettingsGrid(DataHTML):
    """See the module; takes the value as data."""

    files = "settings_grid"
