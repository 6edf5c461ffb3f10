"""Runs on a Hugging Face ZeroGPU Space, where a GPU is lent for one call of a function decorated with ``spaces.GPU``.

Such a call runs in a process forked from the app's; its argument and what it yields are pickled. So one run of the pipeline,
with all its faces, is one call (`web.lent_restorer`). What the decorator wants to know first is for how many seconds, at
most, it may hold the GPU: the shorter, the sooner it gets one.

Where there is no ``spaces`` package, or where it does nothing, as on CPU and GPU Spaces, the page's restorers are the
pipeline's own.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpi_core.restore.restorer import Restorer

# Guesses on the safe side, for a slice of an H200: a run that is cut off costs its visitor more than seconds left over.
START_SECONDS = 8.0  # the first call of a process: CUDA starts, the models are moved
STEP_SECONDS = 0.03  # of launching a step's kernels
IMAGE_SECONDS = 0.03  # a step of one image of 256x256
REFERENCE_SIDE = 256


@dataclass(frozen=True)
class LentRun:
    """One run, as it crosses to the process with the GPU.

    Attributes:
        faces, steps, seeds, side: how many faces, steps of each and seeds, and the pixels of a face's side.
        run: the prepared faces, the settings and the other arguments, packed (`lent_restorer.pack`).
        stop_file: the run ends after its current step once this file exists.
    """

    faces: int
    steps: int
    seeds: int
    side: int
    run: bytes
    stop_file: str


def seconds_needed(request: LentRun) -> int:
    """Estimate for how long a run may hold the GPU, in seconds: linear in faces, steps, seeds and pixels."""
    images = request.seeds * (request.side / REFERENCE_SIDE) ** 2
    return math.ceil(START_SECONDS + request.faces * request.steps * (STEP_SECONDS + IMAGE_SECONDS * images))


def gpu_decorator() -> Callable | None:
    """Return ``spaces.GPU`` where it does something, which it does on ZeroGPU only; None elsewhere."""
    try:
        import spaces
    except ImportError:
        return None
    decorator = getattr(spaces, "GPU", None)
    if decorator is None or decorator(duration=1)(_nothing) is _nothing:
        return None
    return decorator


def _nothing() -> None:
    """Do nothing: a function to try the decorator on."""


def restorer_class(device: str = "auto") -> "Callable[..., Restorer]":
    """Return what makes the page's restorers on `device`: takes the arguments of `dpi_core.Restorer`."""
    from dpi_core.restore.restorer import Restorer

    decorator = None if device == "cpu" else gpu_decorator()
    if decorator is None:
        return Restorer
    from dpi_core.web.lent_restorer import LentGPURestorer

    return partial(LentGPURestorer, gpu=decorator)
