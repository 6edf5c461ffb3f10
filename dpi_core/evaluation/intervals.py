"""How sure a mean over faces is: the percentile bootstrap (Efron 1979)."""

from collections.abc import Sequence

import numpy as np

from dpi_core.errors import DPIError


def mean_interval(values: Sequence[float], level: float = 0.95, draws: int = 2000) -> tuple[float, float, float]:
    """The mean of `values` and the ends of its bootstrap interval; the same values give the same answer.

    Raises:
        ValueError: if there are no values.
    """
    if not len(values):
        raise DPIError("there are no values to take the mean of.")
    array = np.asarray(values, np.float64)
    chosen = np.random.default_rng(0).integers(len(array), size=(draws, len(array)))
    low, high = np.quantile(array[chosen].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(array.mean()), float(low), float(high)
