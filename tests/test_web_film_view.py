import json
import re
from html import unescape

from PIL import Image

from dpi_core.show.film import Frame
from dpi_core.web.film_view import KEY_FRAMES, render_film


def frames(count, late=None):
    late = count - 2 if late is None else late
    picture = Image.new("RGB", (8, 8), "gray")
    return [
        Frame(
            i,
            count,
            900 - i,
            "FCM" if i < late else "RACM",
            *[picture] * 4,
            held=16,
            consistency=20.0 + i,
            change=9.0 / (i + 1),
        )
        for i in range(count)
    ]


def test_a_film_carries_every_step_and_shows_the_last():
    html = render_film(frames(20))
    data = json.loads(unescape(re.search(r'data-role="film-data">(.*?)</div>', html, re.S)[1]))
    assert len(data) == 20
    assert data[3]["text"].startswith("Step 4 of 20, t = 897, FCM: 23.0 dB to the input")
    assert set(data[0]) == {"text", "stage", "x0", "x_t", "mask", "condition"}
    assert 'max="19" value="19"' in html
    assert "Step 20 of 20" in html.split("film-data")[0]
    assert "RACM begins at step 19" in html


def test_key_frames_are_buttons_from_the_first_step_to_the_last():
    for count in (1, 2, 8, 20, 64):
        steps = [
            int(step)
            for step in re.findall(r'class="dpi-key-frame[^"]*" data-step="(\d+)"', render_film(frames(count)))
        ]
        assert steps == sorted(set(steps))
        assert (steps[0], steps[-1]) == (0, count - 1)
        assert len(steps) == min(KEY_FRAMES, count)


def test_curves_rise_with_their_values_and_split_at_the_stages():
    html = render_film(frames(11, late=5))
    consistency, change = (
        [tuple(map(float, point.split(","))) for point in points.split()]
        for points in re.findall(r'points="([^"]+)"', html)
    )
    assert [y for _, y in consistency] == sorted((y for _, y in consistency), reverse=True)  # SVG's y points down
    assert [y for _, y in change] == sorted(y for _, y in change)
    blue = re.search(r'<rect x="26" y="0" width="([\d.]+)"', html)
    assert consistency[4][0] < 26 + float(blue[1]) < consistency[5][0]


def test_one_step_has_no_curve():
    assert "<svg" not in render_film(frames(1))


def test_pictures_and_controls_have_names():
    html = render_film(frames(20))
    assert all("alt=" in image for image in re.findall(r"<img[^>]*>", html))
    assert all("aria-label=" in control for control in re.findall(r"<(?:input|button)[^>]*>", html))
