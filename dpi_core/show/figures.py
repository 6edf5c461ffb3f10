"""Pictures from tensors and step events: the only place that knows how a step is shown."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from dpi_core.imaging.pixels import to_image
from dpi_core.method.sampler import StepEvent

FCM_COLOUR = (37, 99, 235)
RACM_COLOUR = (234, 88, 12)
POINTS = {FCM_COLOUR: (96, 165, 250), RACM_COLOUR: (255, 170, 80)}
"""The brighter tint that single pixels need to be seen over a face."""


def grid_sheet(images: Sequence[Tensor], columns: int) -> Image.Image:
    """Lay (3,H,W) images row by row on one picture."""
    height, width = images[0].shape[1:]
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    for i, image in enumerate(images):
        sheet.paste(to_image(image), (i % columns * width, i // columns * height))
    return sheet


def labelled_sheet(pictures: Sequence[Image.Image], labels: Sequence[str], columns: int) -> Image.Image:
    """Lay pictures of one size row by row, each over its label; a label too long for its picture is cut off."""
    width, height = pictures[0].size
    font = ImageFont.load_default(size=max(10, width // 10))
    band = max(16, width * 3 // 20)
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width, rows * (height + band)), "white")
    for i, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        cell = Image.new("RGB", (width, height + band), "white")
        cell.paste(picture, (0, 0))
        ImageDraw.Draw(cell).text((width // 2, height + band // 2), label, "black", font, anchor="mm")
        sheet.paste(cell, (i % columns * width, i // columns * (height + band)))
    return sheet


def heat_map(values: Tensor, top: float, over: Tensor | None = None) -> Image.Image:
    """Show (H,W) values from 0 to `top` in colours from black over red to yellow; values above `top` are as bright as it.

    With a face `over` (3,H,W) in [-1, 1] small values show it, in grey.
    """
    share = (values / max(top, 1e-9)).clamp(0, 1).cpu().numpy()
    colours = cv2.applyColorMap((share * 255).round().astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    if over is None:
        return Image.fromarray(np.ascontiguousarray(colours))
    grey = np.asarray(to_image(over).convert("L").convert("RGB"), np.float32) * 0.7
    weight = np.sqrt(share)[..., None]
    return Image.fromarray(np.rint(grey * (1 - weight) + colours * weight).astype(np.uint8))


def stage_colour(stage: str) -> tuple[int, int, int]:
    """Return the colour a stage has everywhere: blue for FCM, orange for RACM and the final step."""
    return FCM_COLOUR if stage == "FCM" else RACM_COLOUR


def mask_overlay(event: StepEvent, sample: int = 0) -> Image.Image:
    """Draw the pixels that the condition holds at this step as bright points of the stage's colour over the faded x0."""
    face = np.asarray(to_image(event.x0[sample]).convert("L").convert("RGB"), np.float32) * 0.45
    tied = event.mask[sample, 0].cpu().numpy()
    if event.stage != "FCM":  # few are held: each fills its cell, or it could not be seen
        cell = -(-event.x0.shape[-1] // event.condition.shape[-1])
        tied = cv2.dilate(tied.astype(np.uint8), np.ones((cell, cell), np.uint8), anchor=(cell - 1, cell - 1)) > 0
    face[tied] = np.asarray(POINTS[stage_colour(event.stage)], np.float32)
    return Image.fromarray(face.round().astype(np.uint8))


def condition_image(event: StepEvent, sample: int = 0) -> Image.Image:
    """Draw the corrected condition, its grid pixels enlarged (nearest) to the image's size."""
    size = event.x0.shape[2:]
    return to_image(F.interpolate(event.condition[sample][None], size, mode="nearest")[0])
