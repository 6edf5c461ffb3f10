"""The live view as HTML: a timeline that marks tau, the stage as a badge, and four pictures of the running step.

One HTML value a step, with the pictures inside it as JPEG data URIs: badge, timeline and pictures change together,
nothing flickers and no preview is written to disk.
"""

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO

from PIL import Image

from dpi_core.method.config import DPIConfig
from dpi_core.method.timesteps import stage_of, timestep_pairs

Picture = tuple[str, str, Image.Image]
"""Name, alternative text and picture."""

STAGE_TEXT = {
    "FCM": "fixed mask: the whole grid follows the condition",
    "RACM": "adaptive mask: edges follow the condition, the prior paints the rest",
    "final": "the last clean estimate is the result",
}


def stages_of(config: DPIConfig) -> list[tuple[int, str]]:
    """List (t, stage) of every step of a run, noisy to clean."""
    return [(t, stage_of(t, t_prev, config.tau)) for t, t_prev in timestep_pairs(config.steps)]


def plan_text(config: DPIConfig) -> str:
    """Say what the settings mean for the run, in a line."""
    stages = [stage for _, stage in stages_of(config)]
    fcm, racm = stages.count("FCM"), stages.count("RACM")
    grid = f"1 pixel in {config.sparsity**2}" if config.sparsity > 1 else "every pixel"
    return (
        f"{fcm} FCM {_steps(fcm)} (t > {config.tau}), then {racm} RACM {_steps(racm)} and the final one; "
        f"the mask's grid holds {grid}."
    )


def _steps(count: int) -> str:
    return "step" if count == 1 else "steps"


def render_live(
    config: DPIConfig,
    index: int | None,
    pictures: Sequence[Picture] = (),
    headline: str = "",
) -> str:
    """Render the live view.

    Args:
        config: the run's settings.
        index: the step just done, or None before the first.
        pictures: (name, alternative text, picture), the first one large.
        headline: a line beside the badge: progress and remaining time.
    """
    stages = stages_of(config)
    stage = stages[index][1] if index is not None else None
    badge = (
        f'<span class="dpi-badge dpi-{stage}" data-stage="{stage}">{stage}</span><span>{STAGE_TEXT[stage]}</span>'
        if stage
        else '<span class="dpi-badge">ready</span>'
    )
    return (
        f'<div class="dpi-live"><div class="dpi-head">{badge}</div>{_timeline(config, stages, index)}'
        f'<p class="dpi-line" role="status">{escape(headline)}</p>{_figures(pictures)}</div>'
    )


def _timeline(config: DPIConfig, stages: list[tuple[int, str]], index: int | None) -> str:
    shown = stages if len(stages) <= 100 else [stages[i * len(stages) // 100] for i in range(100)]
    done = -1 if index is None else index * len(shown) // len(stages)
    ticks = []
    for i, (t, stage) in enumerate(shown):
        classes = f"dpi-tick dpi-{stage}" + (" dpi-done" if i <= done else "") + (" dpi-now" if i == done else "")
        ticks.append(f'<i class="{classes}" title="t = {t}, {stage}"></i>')
    first_late = next((i for i, (_, stage) in enumerate(shown) if stage != "FCM"), len(shown))
    where = 100 * first_late / len(shown)
    side = "dpi-tau-left" if where > 50 else ""
    now, total = (0 if index is None else index + 1), len(stages)
    return (
        f'<div class="dpi-timeline" role="progressbar" aria-label="Denoising steps" aria-valuemin="0" '
        f'aria-valuemax="{total}" aria-valuenow="{now}"><div class="dpi-ticks">{"".join(ticks)}</div>'
        f'<span class="dpi-tau {side}" style="left:{where:.1f}%">tau = {config.tau}</span></div>'
        f'<div class="dpi-legend"><span>t = {stages[0][0]}, noise</span><span class="dpi-key dpi-FCM">FCM</span>'
        f'<span class="dpi-key dpi-RACM">RACM</span><span>t = 0, face</span></div>'
    )


def _figures(pictures: Sequence[Picture]) -> str:
    if not pictures:
        return ""
    figures = [
        f'<figure><img src="{data_uri(picture)}" alt="{escape(alt)}"><figcaption>{escape(name)}</figcaption></figure>'
        for name, alt, picture in pictures
    ]
    return f'<div class="dpi-figures">{"".join(figures)}</div>'


def data_uri(picture: Image.Image, lossless: bool = False) -> str:
    """Encode a picture inside a page: JPEG for what flies by, PNG for results."""
    buffer = BytesIO()
    kind = "png" if lossless else "jpeg"
    picture.save(buffer, kind, quality=92)
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode()


def render_message(text: str, kind: str = "info") -> str:
    """Render a message for people; `kind` is "info" or "error"."""
    role = "alert" if kind == "error" else "status"
    return f'<div class="dpi-message dpi-{kind}" role="{role}">{escape(text)}</div>'
