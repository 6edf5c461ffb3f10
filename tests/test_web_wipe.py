from PIL import Image

from dpi_core.web.wipe import render_wipe


def test_both_pictures_and_every_control_are_named():
    picture = Image.new("RGB", (8, 8))
    html = render_wipe(("before", "the face before", picture), ("a<b", "the other's face", picture))
    assert html.count("<img") == html.count('alt="') == 2
    assert html.count("image/png") == 2  # results are shown as they are
    assert 'aria-label="Wipe: how much of the picture is before, from the left"' in html
    assert 'data-right="a&lt;b"' in html
    assert "before left, a&lt;b right" in html
