"""Who is served how well: held-out faces by what is known of the people in them."""

import re

import torch
from torch import Tensor

# [age]_[gender]_[race]_..., as UTKFace names its files; its race label stands in for skin tone
LABELS = re.compile(r"(?:^|[/_])(\d{1,3})_([01])_([0-4])_\d")
AGES = ((0, 12), (13, 29), (30, 49), (50, 64), (65, 200))
SEXES = ("male", "female")
RACES = ("White", "Black", "Asian", "Indian", "other")
THIRDS = ("darkest third", "middle third", "lightest third")


def groups(names: list[str], true: Tensor) -> dict[str, list[int]]:
    """Tell which of the faces (N,3,H,W) are in which group; groups without a face are left out.

    By age, sex and race where the names carry UTKFace's labels, and by brightness always.
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
    thirds = torch.tensor_split(brightness(true).argsort(), 3)
    return ordered | {third: rows.tolist() for third, rows in zip(THIRDS, thirds, strict=True) if len(rows)}


def brightness(true: Tensor) -> Tensor:
    """Measure how light the centre of each face (N,3,H,W) is: (N,) in [-1, 1].

    A rough stand-in for skin tone, which most photographs do not state; it is the light of the picture as well.
    """
    height, width = true.shape[2:]
    return true[:, :, height // 4 : -height // 4, width // 4 : -width // 4].mean(dim=(1, 2, 3))
