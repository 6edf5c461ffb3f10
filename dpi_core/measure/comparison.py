"""Seeds side by side: how far results lie from each other, where they differ, and which of them differ most.

The distance of two results is the root mean square difference of their pixels, in 8-bit levels. The most different n of
m are picked greedily, max-min (Gonzalez 1985): the pair furthest apart first, then again and again the result whose
nearest picked one is furthest away. The most typical is the one nearest to the mean of all: it holds least of what one seed
alone made up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.imaging.pixels import to_tensor
from dpi_core.measure.metrics import seed_diversity

LEVELS = 127.5  # 8-bit levels in one unit of [-1, 1]


@dataclass(frozen=True, eq=False)
class Comparison:
    """N results of one face.

    Attributes:
        seeds: the seed of each.
        mean: (3,H,W) in [-1, 1], their mean face.
        std: (H,W) per-pixel standard deviation over the seeds, in 8-bit levels.
        to_mean: each result's distance to the mean face, in levels.
        distances: (N,N), from each to each, in levels.
    """

    seeds: tuple[int, ...]
    mean: Tensor
    std: Tensor
    to_mean: tuple[float, ...]
    distances: Tensor

    @property
    def diversity(self) -> float:
        """The mean of `std`."""
        return float(self.std.mean())

    @property
    def typical(self) -> int | None:
        """The place of the most typical result; None where there are fewer than three."""
        return self.to_mean.index(min(self.to_mean)) if len(self.to_mean) >= 3 else None


def compare(results: Tensor, seeds: Sequence[int]) -> Comparison:
    """Compare results (N,3,H,W) in [-1, 1], one for each seed.

    Raises:
        ValueError: if there are not as many seeds as results.
    """
    if len(results) != len(seeds) or not len(seeds):
        raise DPIError(f"{len(seeds)} seeds for {len(results)} results; expected one for each.")
    mean = results.mean(dim=0)
    to_mean = (results - mean).square().mean(dim=(1, 2, 3)).sqrt() * LEVELS
    std = seed_diversity(results) * LEVELS
    return Comparison(tuple(seeds), mean, std, tuple(to_mean.tolist()), pairwise(results))


def compare_pictures(pictures: Sequence[Image.Image], seeds: Sequence[int]) -> Comparison:
    """Compare results as they are saved, RGB and all of one size, one for each seed.

    Raises:
        DPIError: if their sizes differ, or there are not as many seeds as pictures.
    """
    sizes = sorted({picture.size for picture in pictures})
    if len(sizes) > 1:
        raise DPIError(
            f"the pictures are {' and '.join(f'{w}x{h}' for w, h in sizes)} pixels; only equal sizes compare."
        )
    return compare(to_tensor(np.stack([np.asarray(picture) for picture in pictures])), seeds)


def pairwise(results: Tensor) -> Tensor:
    """Measure the distances between (N,3,H,W) images: (N,N), in 8-bit levels."""
    flat = results.flatten(1).double()
    return torch.stack([(flat - row).square().mean(dim=1).sqrt() for row in flat]).float() * LEVELS


def most_different(distances: Tensor, count: int) -> list[int]:
    """Pick the indices of `count` results that differ most, in the order they were picked; ties go to the lower index.

    Raises:
        ValueError: if `count` is below 1 or above the number of results.
    """
    total = len(distances)
    if not 1 <= count <= total:
        raise DPIError(f"count is {count}; allowed is 1 to {total}, the number of results.")
    first = int(distances.max(dim=1).values.argmax())
    picked = [first]
    while len(picked) < count:
        nearest = distances[:, picked].min(dim=1).values
        nearest[picked] = -1.0
        picked.append(int(nearest.argmax()))
    return picked
