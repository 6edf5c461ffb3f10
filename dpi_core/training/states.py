"""What the corrector meets while DPI runs, to train it on, always with the corrector as it is now (dataset aggregation,
Ross et al. 2011): it learns from its own mistakes. Made-up states, in which c is closer to the truth than it ever is in
a run, teach it to believe c, and then its errors feed themselves as t falls.

c = sqrt(ab) y + sqrt(1-ab) n,  n ~ N(0, I), is FCM's form; y is y_init, or what the corrector makes of it from noise. The
grids of real runs teach next to nothing beside it (``assets/corrector/README.md``).
"""

import random
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from dpi_core.imaging.pixels import to_tensor
from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.method.masks import on_grid
from dpi_core.models.correctors import UNetCorrector
from dpi_core.models.devices import autocast

SPARSITIES, SPARSITY_WEIGHTS = (1, 2, 3, 4, 8), (0.03, 0.73, 0.08, 0.1, 0.06)


def pack(c: Tensor, t: Tensor, y_init: Tensor, h: Tensor) -> Tensor:
    """Pack states into one tensor (N,10,h,w): noisy grid, first condition, true grid, timestep."""
    plane = t.view(-1, 1, 1, 1).expand(-1, 1, *c.shape[2:])
    return torch.cat([c, y_init, h, plane.to(c)], dim=1)


def unpack(states: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Unpack c, t, y_init and h of `pack`, in float32 (t: int64)."""
    c, y_init, h = states[:, :9].float().split(3, dim=1)
    return c, states[:, 9, 0, 0].long(), y_init, h


def forward_states(network: nn.Module, pairs: Iterator[Tensor], device: torch.device) -> Iterator[Tensor]:
    """Yield batches of states without end, of `pairs` (N,2,H,W,3) uint8 of faces and dense conditions."""
    rng = random.Random(int(torch.seed()))
    corrector = UNetCorrector(network)
    alpha_bar = linear_alpha_bar().to(device, torch.float32)
    for pair in pairs:
        true, condition = (to_tensor(images.to(device)) for images in pair.unbind(1))
        k = rng.choices(SPARSITIES, SPARSITY_WEIGHTS)[0]
        h, y_init = on_grid(true, k), on_grid(condition, k)
        t = torch.randint(len(alpha_bar), (len(true),), device=device)
        ab = alpha_bar[t].view(-1, 1, 1, 1)
        y = y_init
        if rng.random() < 0.7:
            with torch.no_grad(), autocast(device):
                y = corrector(torch.randn_like(y_init), torch.full_like(t, len(alpha_bar) - 1), y_init)
        yield pack(ab.sqrt() * y + (1 - ab).sqrt() * torch.randn_like(y_init), t, y_init, h)


def alternating(most: Iterator[Tensor], others: Iterator[Tensor], share: float) -> Iterator[Tensor]:
    """Yield batches of both kinds in random order, a `share` (0 to 1) of them `others`."""
    rng = random.Random(int(torch.seed()))
    while True:
        yield next(others if rng.random() < share else most)
