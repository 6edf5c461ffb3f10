"""What views share: the stages of a run, what it does in a line, pictures as data URIs, what a run ends in, and messages."""

import base64
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image

from dpi_core.baselines import HEEDED, ONE_CALL
from dpi_core.method.config import SETTINGS, DPIConfig
from dpi_core.method.timesteps import stage_of, timestep_pairs

if TYPE_CHECKING:
    from dpi_core.restore.records import FaceJob

EXACT = 60.0
"""dB from which on a result agrees exactly with its input: what is between them is a quarter of a level (root mean square)."""
HEAT_TOP = 32.0
"""Levels at the bright end of every map of differences; fixed, so that maps can be compared."""


@dataclass(frozen=True)
class ViewOutcome:
    """What a view of one face ends with: its value, and the files to download."""

    view: dict[str, Any]
    files: list[str]


def failed(text: str) -> dict[str, Any]:
    """Build what a view shows of a run that could not be."""
    return {"run": "", "state": "failed", "line": text}


def given_of(job: "FaceJob") -> dict[str, str]:
    """Give what results are shown beside, as data URIs: a face's input and, in a simulation, the truth."""
    from dpi_core.imaging.pixels import to_image

    named = {"input": job.condition, "truth": job.truth}
    return {name: data_uri(to_image(tensor[0])) for name, tensor in named.items() if tensor is not None}


def cost_text(seconds: float | None) -> str:
    """Say how long something will take, where it is known."""
    return "" if seconds is None else f" About {max(1, round(seconds))} s on this machine."


def many(count: int, what: str) -> str:
    """Count things in words."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def stages_of(config: DPIConfig, method: str = "dpi") -> list[tuple[int, str]]:
    """List (t, stage) of every step of a run, noisy to clean."""
    if method in ONE_CALL:
        return [(0, "final")]
    pairs = timestep_pairs(config.steps, spacing=config.spacing)
    if method != "dpi":
        return [(t, "guided" if t_prev >= 0 else "final") for t, t_prev in pairs]
    return [(t, stage_of(t, t_prev, config.tau)) for t, t_prev in pairs]


def plan_text(config: DPIConfig, method: str = "dpi") -> str:
    """Say what the settings mean for the run, in a line."""
    if method != "dpi":
        heeded = ", ".join(SETTINGS[name].symbol for name in HEEDED)
        return f"{method} in place of DPI: {many(len(stages_of(config, method)), 'step')}; of the settings it heeds {heeded}."
    stages = [stage for _, stage in stages_of(config)]
    fcm, racm = stages.count("FCM"), stages.count("RACM")
    grid = f"1 pixel in {config.sparsity**2}" if config.sparsity > 1 else "every pixel"
    return (
        f"{many(fcm, 'FCM step')} (t > {config.tau}), then {many(racm, 'RACM step')} and the final one; "
        f"the mask's grid holds {grid}."
    )


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
