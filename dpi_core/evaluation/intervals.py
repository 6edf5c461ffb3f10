"""How sure a figure over faces is: the percentile bootstrap (Efron 1979)."""

from collections.abc import Sequence

import numpy as np

from dpi_core.errors import DPIError

Interval = tuple[float, float, float]  # a figure and the ends of its interval


def mean_interval(values: Sequence[float], level: float = 0.95, draws: int = 2000) -> Interval:
    """Bootstrap the mean of `values`: it and the ends of its interval; the same values give the same answer.

    Raises:
        ValueError: if there are no values.
    """
    return ratio_interval(values, np.ones(len(values)), level, draws)


def ratio_interval(
    above: Sequence[float] | np.ndarray, below: Sequence[float] | np.ndarray, level: float = 0.95, draws: int = 2000
) -> Interval:
    """Bootstrap the sum of `above` over the sum of `below`, drawn face by face in pairs: it and the ends of its interval.

    Raises:
        ValueError: if there are no values.
    """
    if not len(above):
        raise DPIError("there are no values to take the mean of.")
    pairs = np.stack([np.asarray(above, np.float64), np.asarray(below, np.float64)])
    chosen = np.random.default_rng(0).integers(pairs.shape[1], size=(draws, pairs.shape[1]))
    tops, bottoms = pairs[:, chosen].sum(axis=2)
    low, high = np.quantile(tops / bottoms, [(1 - level) / 2, (1 + level) / 2])
    top, bottom = pairs.sum(axis=1)
    return float(top / bottom), float(low), float(high)
