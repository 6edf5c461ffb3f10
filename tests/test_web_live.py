from dpi_core import DPIConfig
from dpi_core.web.live import plan_text, render_message, stages_of


def test_the_stages_are_the_samplers(analytic_prior):
    import torch

    from dpi_core import sample_steps

    config = DPIConfig(steps=13, tau=411)
    events = sample_steps(analytic_prior, torch.zeros(1, 3, 32, 32), config)
    assert [(event.t, event.stage) for event in events] == stages_of(config)


def test_the_plan_counts_steps_and_pixels():
    assert plan_text(DPIConfig(sparsity=4)).startswith("12 FCM steps (t > 350), then 7 RACM steps")
    assert "1 pixel in 16" in plan_text(DPIConfig(sparsity=4))


def test_messages_escape_what_they_quote():
    assert "<b>" not in render_message("<b>", "error")
    assert 'role="alert"' in render_message("no", "error")


def test_the_plan_counts_one_step_as_one():
    assert "then 1 RACM step and the final one" in plan_text(DPIConfig(tau=50))
