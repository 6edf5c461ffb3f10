"""The metrics of `dpi_core.measure.metric_registry`, face by face, and what they come to: means and ratios with intervals."""

from collections.abc import Sequence

from torch import Tensor

from dpi_core.evaluation.intervals import Interval, mean_interval, ratio_interval
from dpi_core.evaluation.methods import Restored
from dpi_core.measure.metric_registry import METRICS as MEASURES
from dpi_core.measure.metric_registry import Case, Figures, figures

__all__ = ["MEASURES", "Figures", "identity", "likeness", "spectrum", "summary", "variety"]


def spectrum(faces: Tensor, sparsity: int = 2) -> Figures:
    """Measure the spectral powers of each face (N,3,H,W); `sparsity` says where the mask's grid would show."""
    return figures(Case(faces, sparsity=sparsity), ("detail", "grain", "grid"))


def likeness(faces: Tensor, true: Tensor, low_res: Tensor, bicubic: Tensor) -> Figures:
    """Measure how near each face (N,3,H,W) is to the true one and to its input (N,3,h,w)."""
    case = Case(faces, true=true, low_res=low_res, upsampled=bicubic)
    return figures(case, ("agreement", "psnr", "gain", "ssim", "ms_ssim", "gmsd"))


def identity(found: Tensor, true: Tensor) -> Figures:
    """Measure how near the person in each face is to the one in the true face, by their descriptors (N,128)."""
    return figures(Case(found, people=(found, true)), ("cosine", "distance", "same"))


def variety(runs: Sequence[Restored]) -> Figures:
    """Measure how far the runs of one setting with several seeds, and the stages of the first of them, are apart.

    The first runs may hold more faces than the others: of as many as the last run has, the deviation over all is told.
    """
    results = [run.result for run in runs]
    case = Case(
        results[0],
        fcm_end=runs[0].fcm_end,
        second_seed=results[1] if len(runs) > 1 else None,
        all_seeds=[result[: len(results[-1])] for result in results] if len(runs) > 2 else None,
    )
    return figures(case, ("two_seeds", "eight_seeds", "fcm_end"))


def summary(figures: Figures, truth: Figures, rows: Sequence[int] | None = None) -> dict[str, Interval]:
    """Summarise each measure with its 95 % interval, over all or some rows; powers against the true faces' (`spectrum`)."""
    found = {}
    for name, measure in MEASURES.items():
        values = figures.get(name, [])
        chosen = [i for i in (range(len(values)) if rows is None else rows) if i < len(values)]
        if not chosen:
            continue
        mine = [values[i] for i in chosen]
        if measure.against_truth is None:
            found[name] = mean_interval(mine)
        else:
            ratio = ratio_interval(mine, [truth[name][i] for i in chosen])
            low, middle, high = (measure.against_truth(ratio[k]) for k in (1, 0, 2))
            found[name] = (middle, low, high)
    return found
