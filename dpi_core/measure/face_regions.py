"""Regions of an aligned face, laid out from the five points that it is aligned by, and how near the truth each comes.

Boxes are in distances between the eyes, so they fit every crop: the eyes with their brows, the nose, the mouth, and the rest of
the crop, which is skin, hair and what lies around.
"""

from typing import Literal

import torch
from torch import Tensor

from dpi_core.measure.metrics import psnr

Region = Literal["eyes", "nose", "mouth", "rest"]
FEATURES: dict[Region, tuple[tuple[int, ...], float, float]] = {  # points around its middle, half width, half height
    "eyes": ((0, 1), 0.85, 0.33),
    "nose": ((2,), 0.3, 0.22),
    "mouth": ((3, 4), 0.55, 0.21),
}


def region_mask(points: Tensor, side: int, region: Region) -> Tensor:
    """Mark a region (side,side) of a crop whose five `points` (5,2) are x and y in pixels; the rest is what no feature has."""
    if region == "rest":
        return ~torch.stack([region_mask(points, side, feature) for feature in FEATURES]).any(dim=0)
    of, width, height = FEATURES[region]
    unit = (points[1] - points[0]).norm()
    middle = points[list(of)].mean(dim=0)
    places = torch.arange(side, dtype=points.dtype)
    across = (places - middle[0]).abs() <= width * unit
    down = (places - middle[1]).abs() <= height * unit
    return down[:, None] & across[None, :]


def region_psnr(faces: Tensor, true: Tensor, points: Tensor, region: Region) -> list[float]:
    """Measure PSNR in dB of each face (N,3,S,S) in [-1, 1] over a region alone."""
    mask = region_mask(points, faces.shape[-1], region)
    return [psnr(face[:, mask][..., None], other[:, mask][..., None]) for face, other in zip(faces, true, strict=True)]
