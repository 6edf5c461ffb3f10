"""The measures of a method, face by face, and what they come to: means and ratios with intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dpi_core.evaluation.identity import SAME_PERSON, distances
from dpi_core.evaluation.intervals import Interval, mean_interval, ratio_interval
from dpi_core.evaluation.methods import Restored
from dpi_core.measure.metrics import LEVELS, lr_consistency, ms_ssim, psnr, rms_levels, seed_diversity, ssim
from dpi_core.measure.spectra import amplitude, decibels, detail_power, grain_power, grid_energy

Figures = dict[str, list[float]]  # measure -> one value a face, in the order of the faces


@dataclass(frozen=True)
class Measure:
    """How a measure is told: its title, its number format and, for a power, what its ratio to the truth's is told as."""

    title: str
    form: str
    against_truth: Callable[[float], float] | None = None


MEASURES = {
    "detail": Measure("detail, amplitude / truth's (1)", ".2f", amplitude),
    "grain": Measure("grain, dB over truth's (0)", "+.1f", decibels),
    "grid": Measure("grid energy / truth's (1)", ".2f", float),
    "kid": Measure("kernel distance to real faces (low)", ".4f"),
    "two_seeds": Measure("two seeds, RMS levels (high)", ".1f"),
    "eight_seeds": Measure("eight seeds, std in levels (high)", ".1f"),
    "fcm_end": Measure("end of FCM to result, RMS levels (high)", ".1f"),
    "agreement": Measure("agreement with the input, dB (high)", ".1f"),
    "psnr": Measure("PSNR, dB (high)", ".2f"),
    "gain": Measure("PSNR over bicubic, dB (high)", "+.2f"),
    "ssim": Measure("SSIM (high)", ".3f"),
    "ms_ssim": Measure("MS-SSIM (high)", ".3f"),
    "cosine": Measure("identity, cosine (high)", ".3f"),
    "distance": Measure("identity, distance (low)", ".3f"),
    "same": Measure(f"identity, share under {SAME_PERSON} (high)", ".2f"),
}


def spectrum(faces: Tensor, sparsity: int = 2) -> Figures:
    """Measure the spectral powers of each face (N,3,H,W); `sparsity` says where the mask's grid would show."""
    return {
        "detail": detail_power(faces).tolist(),
        "grain": grain_power(faces).tolist(),
        "grid": [grid_energy(face, max(sparsity, 2)) for face in faces],
    }


def likeness(faces: Tensor, true: Tensor, low_res: Tensor, bicubic: Tensor) -> Figures:
    """Measure how near each face (N,3,H,W) is to the true one and to its input (N,3,h,w)."""
    found: Figures = {
        "agreement": [lr_consistency(a, b) for a, b in zip(faces, low_res, strict=True)],
        "psnr": [psnr(a, b) for a, b in zip(faces, true, strict=True)],
        "ssim": [ssim(a, b) for a, b in zip(faces, true, strict=True)],
        "ms_ssim": [ms_ssim(a, b) for a, b in zip(faces, true, strict=True)],
    }
    return found | {"gain": [a - psnr(b, c) for a, b, c in zip(found["psnr"], bicubic, true, strict=True)]}


def identity(found: Tensor, true: Tensor) -> Figures:
    """Measure how near the person in each face is to the one in the true face, by their descriptors (N,128)."""
    cosine, distance = distances(found, true)
    same = (distance < SAME_PERSON).float()
    return {"cosine": cosine.tolist(), "distance": distance.tolist(), "same": same.tolist()}


def variety(runs: Sequence[Restored]) -> Figures:
    """Measure how far the runs of one setting with several seeds, and the stages of the first of them, are apart.

    The first runs may hold more faces than the others: of as many as the last run has, the deviation over all is told.
    """
    found: Figures = {"fcm_end": rms_levels(runs[0].result, runs[0].fcm_end).tolist()}
    if len(runs) > 1:
        found["two_seeds"] = rms_levels(runs[0].result[: len(runs[1].result)], runs[1].result).tolist()
    if len(runs) > 2:
        count = len(runs[-1].result)
        seeds = torch.stack([run.result[:count] for run in runs], dim=1)
        found["eight_seeds"] = [float(seed_diversity(face).mean()) * LEVELS for face in seeds]
    return found


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
