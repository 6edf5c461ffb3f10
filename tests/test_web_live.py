import re

import pytest
from PIL import Image

from dpi_core import DPIConfig
from dpi_core.web.live import plan_text, render_live, render_message, stages_of


def test_the_timeline_has_a_tick_for_every_step_in_its_stage():
    html = render_live(DPIConfig(), 4)
    assert html.count("dpi-tick dpi-FCM") == 12
    assert html.count("dpi-tick dpi-RACM") == 7
    assert html.count("dpi-tick dpi-final") == 1
    assert html.count("dpi-done") == 5
    assert 'data-stage="FCM"' in html
    assert 'aria-valuenow="5"' in html
    assert "left:60.0%" in html, "tau stands where the stages meet"


@pytest.mark.parametrize("steps", [1, 7, 100, 1000])
def test_any_number_of_steps_fits(steps):
    html = render_live(DPIConfig(steps=steps), steps - 1)
    assert 1 <= html.count("dpi-tick dpi-") <= 100
    assert 'data-stage="final"' in html


def test_the_stages_are_the_samplers(analytic_prior):
    import torch

    from dpi_core import sample_steps

    config = DPIConfig(steps=13, tau=411)
    events = sample_steps(analytic_prior, torch.zeros(1, 3, 32, 32), config)
    assert [(event.t, event.stage) for event in events] == stages_of(config)


def test_pictures_are_inside_with_alternative_texts():
    html = render_live(DPIConfig(), 0, [("x0", 'a "face"', Image.new("RGB", (8, 8)))], "Step <1>")
    assert re.search(r'<img src="data:image/jpeg;base64,[A-Za-z0-9+/=]+" alt="a &quot;face&quot;">', html)
    assert "Step &lt;1&gt;" in html


def test_the_plan_counts_steps_and_pixels():
    assert plan_text(DPIConfig(sparsity=4)).startswith("12 FCM steps (t > 350), then 7 RACM steps")
    assert "1 pixel in 16" in plan_text(DPIConfig(sparsity=4))


def test_messages_escape_what_they_quote():
    assert "<b>" not in render_message("<b>", "error")
    assert 'role="alert"' in render_message("no", "error")


def test_the_plan_counts_one_step_as_one():
    assert "then 1 RACM step and the final one" in plan_text(DPIConfig(tau=50))
