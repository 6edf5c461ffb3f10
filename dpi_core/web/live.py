"""What views share: the stages of a run, what it does in a line, pictures as data URIs, and messages as HTML."""

import base64
from html import escape
from io import BytesIO

from PIL import Image

from dpi_core.method.config import DPIConfig
from dpi_core.method.timesteps import stage_of, timestep_pairs


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
