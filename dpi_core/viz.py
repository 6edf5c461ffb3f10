"""Pictures from tensors and step events: the only place that knows how a step is shown."""

from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from dpi_core.pixels import to_image
from dpi_core.sampler import StepEvent

FCM_COLOUR = (37, 99, 235)
RACM_COLOUR = (234, 88, 12)


def grid_sheet(images: Sequence[Tensor], columns: int) -> Image.Image:
    """(3,H,W) images row by row on one picture."""
    height, width = images[0].shape[1:]
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    for i, image in enumerate(images):
        sheet.paste(to_image(image), (i % columns * width, i // columns * height))
    return sheet


def stage_colour(stage: str) -> tuple[int, int, int]:
    """The colour a stage has everywhere: blue for FCM, orange for RACM and the final step."""
    return FCM_COLOUR if stage == "FCM" else RACM_COLOUR


def mask_overlay(event: StepEvent, sample: int = 0, strength: float = 0.75) -> Image.Image:
    """The dimmed x0 estimate with the pixels that the condition holds at this step in the stage's colour."""
    face = np.asarray(to_image(event.x0[sample]).convert("L").convert("RGB"), np.float32) * 0.6
    tied = event.mask[sample, 0].cpu().numpy()
    colour = np.asarray(stage_colour(event.stage), np.float32)
    face[tied] = (1 - strength) * face[tied] + strength * colour
    return Image.fromarray(face.round().astype(np.uint8))


def condition_image(event: StepEvent, sample: int = 0) -> Image.Image:
    """The corrected condition, its grid pixels enlarged (nearest) to the image's size."""
    size = event.x0.shape[2:]
    return to_image(F.interpolate(event.condition[sample][None], size, mode="nearest")[0])
