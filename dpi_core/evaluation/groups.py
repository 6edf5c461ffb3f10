"""Who is served how well: held-out faces by what is known of the people in them, their light and their pose."""

import re

import numpy as np
import torch
from torch import Tensor

from dpi_core.faces import five_points, yunet
from dpi_core.imaging.pixels import to_image

# [age]_[gender]_[race]_..., as UTKFace names its files; its race label stands in for skin tone
LABELS = re.compile(r"(?:^|[/_])(\d{1,3})_([01])_([0-4])_\d")
AGES = ((0, 12), (13, 29), (30, 49), (50, 64), (65, 200))
SEXES = ("male", "female")
RACES = ("White", "Black", "Asian", "Indian", "other")
LIGHT = ("darkest third", "middle third", "lightest third")
TURNED = ("most frontal third", "third between", "most turned third")
FEWEST = 5  # faces: the intervals of fewer say nothing


def groups(names: list[str], true: Tensor) -> dict[str, list[int]]:
    """Tell which of the faces (N,3,H,W) are in which group; groups of fewer than `FEWEST` are left out.

    By age, sex and race where the names carry UTKFace's labels, by brightness always, by pose where the detector finds them.
    """
    found: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        label = LABELS.search(name)
        if label is None:
            continue
        age, sex, race = map(int, label.groups())
        low, high = next(span for span in AGES if age <= span[1])
        for group in (f"age {low} to {high}" if high < 200 else f"age {low} and over", SEXES[sex], RACES[race]):
            found.setdefault(group, []).append(i)
    ordered = {group: found[group] for group in sorted(found, key=lambda group: (group[:3] != "age", group))}
    every = ordered | _thirds(LIGHT, brightness(true)) | _thirds(TURNED, turn(true))
    return {group: rows for group, rows in every.items() if len(rows) >= FEWEST}


def _thirds(names: tuple[str, ...], of: Tensor) -> dict[str, list[int]]:
    thirds = torch.tensor_split(of.argsort()[: len(of) - int(of.isnan().sum())], 3)  # NaN sorts last
    return {name: rows.tolist() for name, rows in zip(names, thirds, strict=True)}


def brightness(true: Tensor) -> Tensor:
    """Measure how light the centre of each face (N,3,H,W) is: (N,) in [-1, 1].

    A rough stand-in for skin tone, which most photographs do not state; it is the light of the picture as well.
    """
    height, width = true.shape[2:]
    return true[:, :, height // 4 : -height // 4, width // 4 : -width // 4].mean(dim=(1, 2, 3))


def turn(true: Tensor) -> Tensor:
    """Measure how far each face (N,3,H,W) is turned to a side: (N,), 0 = frontal, about 0.3 where an ear is gone.

    It is the distance of the nose from the middle between the eyes, along their line, in eye distances; NaN where no face is
    found.
    """
    return torch.tensor([_turn(np.asarray(to_image(face))) for face in true])


def _turn(pixels: np.ndarray) -> float:
    found = yunet.detect(pixels)
    if not found:
        return float("nan")
    left, right, nose = five_points(max(found, key=lambda face: face.score))[:3]
    across = right - left
    return abs(float((nose - (left + right) / 2) @ across / (across @ across)))
