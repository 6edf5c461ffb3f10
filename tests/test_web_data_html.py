from dpi_core.web.components.data_html import DataHTML
from dpi_core.web.page import build_page


def test_gradio_can_make_every_part_of_the_page_anew_for_a_visitor(engine):
    """It does so without the value, where an update of the part is sent."""
    parts = [block for block in build_page(engine).blocks.values() if isinstance(block, DataHTML)]
    assert len(parts) == 4
    for part in parts:
        given = {name: value for name, value in part.constructor_args.items() if name != "value"}
        again = DataHTML(**given, render=False)
        assert (again.html_template, again.js_on_load) == (part.html_template, part.js_on_load)
