"""Random faces as the training scripts see them."""

from collections.abc import Iterator

import torch
from torch import Tensor


def pictures(count: int = 2, size: int = 32) -> Tensor:
    """(N,3,H,W) in [-1, 1]."""
    return torch.rand(count, 3, size, size) * 2 - 1


def pairs(count: int = 4, size: int = 16) -> Iterator[Tensor]:
    """Batches (N,2,H,W,3) uint8 of faces and conditions, without end."""
    while True:
        yield torch.randint(0, 256, (count, 2, size, size, 3), dtype=torch.uint8)
