"""What a restoration costs by each method, and against the published algorithm; a part of `dpi_core.evaluation.speed`.

The published implementation shows its corrector the whole image with zeros off the grid, k^2 times the pixels, and draws its
masks for a batch together, so that a seed can be had again only in a batch of its own: eight seeds are eight runs.
"""

import statistics
from collections import deque
from collections.abc import Sequence
from time import perf_counter

from torch import Tensor

from dpi_core.baselines import NAMES, ONE_CALL
from dpi_core.baselines.by_name import method_steps
from dpi_core.method.config import DPIConfig
from dpi_core.method.interfaces import Corrector, Prior
from dpi_core.method.masks import on_grid

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


def figures(
    prior: Prior, corrector: Corrector, condition: Tensor, low_res: Tensor, config: DPIConfig
) -> dict[str, float]:
    """Measure the seconds of a face `condition` (1,3,H,W), `low_res` (1,3,h,w), by each method in `config.steps` calls, and
    the published setting's ratios, each taken within a round and then the median of three."""
    published = DPIConfig(steps=config.steps)
    whole = FullSizeCorrector(corrector, published.sparsity)

    def took(method: str, config: DPIConfig, corrector: Corrector = corrector, seeds: Sequence[int] = (0,)) -> float:
        start = perf_counter()
        deque(
            method_steps(method, prior, condition, config, corrector=corrector, seeds=seeds, low_res=low_res), maxlen=1
        )
        return perf_counter() - start

    took("dpi", published)
    one, eight = [], []
    for _ in range(ROUNDS):
        theirs = took("dpi", published, whole)
        one.append(theirs / took("dpi", published))
        eight.append(SEEDS * theirs / took("dpi", published, seeds=range(SEEDS)))
    methods = [name for name in NAMES if name not in ONE_CALL]
    seconds = {name: statistics.median(took(name, config) for _ in range(ROUNDS)) for name in methods}
    return {
        "published algorithm / ours, one image": statistics.median(one),
        f"published algorithm / ours, {SEEDS} seeds": statistics.median(eight),
        **{f"{name}, {config.steps} calls, one face (s)": value for name, value in seconds.items()},
    }
