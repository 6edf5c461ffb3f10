"""Whether a face was compressed or is noisy, told from its low-resolution copy alone.

JPEG keeps colour at half the resolution and rounds it coarsely, so the finest differences of colour go before anything else
does; noise adds to them, where skin has few. So the finest detail of colour, between neighbouring pixels of the copy, tells
both from an untouched reduction.
"""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from dpi_core.measure.metrics import LEVELS

Damage = Literal["none", "compressed", "noisy", "unknown"]
GREY = 0.3
"""Levels: a picture with less colour has none to tell by."""
UNTOUCHED = {2: (1.2, 5.0), 4: (1.75, 8.0), 8: (2.2, 6.8), 16: (2.0, 10.0)}
"""Levels of fine colour that an untouched face has, by what it was reduced by: figures in ``docs/figures.md``
(``python -m dpi_core.evaluation.automatic_choice``)."""


def fine_colour(low_res: Tensor) -> float:
    """Measure the finest detail of colour in an aligned face (1,3,h,w) in [-1, 1]: mean of the absolute Laplacian, in levels.

    From the brows to the chin and between the temples: a background may be of any colours.
    """
    height, width = low_res.shape[2:]
    face = low_res[..., height // 4 : height - height // 16, width // 5 : width - width // 5]
    colour = face - face.mean(dim=1, keepdim=True)
    kernel = low_res.new_tensor([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])
    return float(F.conv2d(colour.transpose(0, 1), kernel[None, None]).abs().mean()) * LEVELS


def damage_of(low_res: Tensor, scale: int) -> Damage:
    """Tell what was done to a face (1,3,h,w) in [-1, 1] reduced by about `scale`, 2, 4, 8 or 16; of a grey one it is unknown.

    Blur beyond what the reduction needs counts as compressed: it takes the same detail.
    """
    found = fine_colour(low_res)
    least, most = UNTOUCHED[scale]
    if found < GREY:
        return "unknown"
    return "compressed" if found < least else "noisy" if found > most else "none"
