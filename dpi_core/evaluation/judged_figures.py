"""The metrics of `dpi_core.measure.metric_registry`, face by face, and what they come to: means and ratios with intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from dpi_core.evaluation.intervals import Interval, mean_interval, ratio_interval
from dpi_core.evaluation.methods import Restored
from dpi_core.measure.measured_case import Case, Figures
from dpi_core.measure.metric_registry import METRICS, figures

PAIRED = ("psnr", "agreement", "distance", "ms_ssim")  # what each face has a value of its own for


def spectrum(faces: Tensor, sparsity: int = 2) -> Figures:
    """Measure the spectral powers of each face (N,3,H,W); `sparsity` says where the mask's grid would show."""
    return figures(Case(faces, sparsity=sparsity), ("detail", "grain", "grid"))


def varied(runs: Sequence[Restored]) -> dict[str, Any]:
    """Return what a `Case` of the first run holds of other seeds and of its stages.

    The first runs may hold more faces than the others: of as many as the last run has, the deviation over all is told.
    """
    results = [run.result for run in runs]
    return {
        "fcm_end": runs[0].fcm_end,
        "second_seed": results[1] if len(runs) > 1 else None,
        "all_seeds": [result[: len(results[-1])] for result in results] if len(runs) > 2 else None,
    }


def summary(figures: Figures, truth: Figures, rows: Sequence[int] | None = None) -> dict[str, Interval]:
    """Summarise each metric with its 95 % interval, over all or some rows; powers against the true faces' (`spectrum`)."""
    found = {}
    for name, metric in METRICS.items():
        values = figures.get(name, [])
        chosen = [i for i in (range(len(values)) if rows is None else rows) if i < len(values)]
        if not chosen:
            continue
        mine = [values[i] for i in chosen]
        if metric.against_truth is None:
            found[name] = mean_interval(mine)
        else:
            ratio = ratio_interval(mine, [truth[name][i] for i in chosen])
            low, middle, high = (metric.against_truth(ratio[k]) for k in (1, 0, 2))
            found[name] = (middle, low, high)
    return found


def differences(found: Mapping[str, Figures], against: str) -> dict[str, Figures]:
    """Take each method's figures less those of `against`, face by face, so that the faces' own differences cancel."""
    base = found[against]
    return {
        method: {
            name: [a - b for a, b in zip(figures[name], base[name], strict=True)]
            for name in PAIRED
            if name in figures and name in base
        }
        for method, figures in found.items()
        if method != against
    }
