"""What a restoration costs against the published algorithm; a part of `dpi_core.evaluation.speed`.

The published implementation shows its corrector the whole image with zeros off the grid, k^2 times the pixels, and draws its
masks for a batch together, so that a seed can be had again only in a batch of its own: eight seeds are eight runs.
"""

import statistics
from collections.abc import Sequence
from time import perf_counter

from torch import Tensor

from dpi_core.method.config import DPIConfig
from dpi_core.method.interfaces import Corrector, Prior
from dpi_core.method.masks import on_grid
from dpi_core.method.sampler import sample

SEEDS = 8
ROUNDS = 3


class FullSizeCorrector:
    """A corrector that looks at the whole image, its grid's pixels amid zeros, as the published one does."""

    def __init__(self, corrector: Corrector, sparsity: int):
        self.corrector, self.sparsity = corrector, sparsity

    def __call__(self, noisy_grid: Tensor, t: Tensor, condition_grid: Tensor) -> Tensor:
        """Answer for the grid alone (N,3,h,w); see `dpi_core.method.interfaces.Corrector`."""
        return on_grid(self.corrector(self._amid_zeros(noisy_grid), t, self._amid_zeros(condition_grid)), self.sparsity)

    def _amid_zeros(self, grid: Tensor) -> Tensor:
        height, width = grid.shape[2] * self.sparsity, grid.shape[3] * self.sparsity
        image = grid.new_zeros((*grid.shape[:2], height, width))
        on_grid(image, self.sparsity).copy_(grid)
        return image


def figures(prior: Prior, corrector: Corrector, condition: Tensor, low_res: Tensor, steps: int) -> dict[str, float]:
    """Measure how many times as long the published algorithm takes, for one image and for eight seeds of it.

    Each ratio is taken within a round, and then the median of three.

    Args:
        condition, low_res: a face, (1,3,H,W) and (1,3,h,w).
    """
    published = DPIConfig(steps=steps)
    whole = FullSizeCorrector(corrector, published.sparsity)

    def took(corrector: Corrector, seeds: Sequence[int] = (0,)) -> float:
        start = perf_counter()
        sample(prior, condition, published, corrector=corrector, seeds=seeds, low_res=low_res)
        return perf_counter() - start

    took(corrector)
    one, eight = [], []
    for _ in range(ROUNDS):
        theirs = took(whole)
        one.append(theirs / took(corrector))
        eight.append(SEEDS * theirs / took(corrector, range(SEEDS)))
    return {
        "published algorithm / ours, one image": statistics.median(one),
        f"published algorithm / ours, {SEEDS} seeds": statistics.median(eight),
    }
