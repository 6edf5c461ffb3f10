"""Batches that do not fit into a device's memory, cut in half until they do.

A network treats the samples of a batch one by one, so a batch that is too large can go through it in parts and give the
same result. How large a part may be is known only when it fails: `Fitting` tries, halves, and remembers for the run.
"""

import gc
from collections.abc import Callable

import torch
from torch import Tensor

from dpi_core.errors import MEMORY_SIGNS, DPIError
from dpi_core.method.interfaces import Corrector, Prior


class NotEnoughMemoryError(DPIError):
    """Not even one sample fits."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that the device's memory ran out; only CUDA has a class of its own for it."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in MEMORY_SIGNS)


def release(device: torch.device) -> None:
    """Hand the memory that nothing uses any more back, in one piece."""
    gc.collect()  # a network's traceback may hold the tensors of the call that failed in a circle
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


class Fitting:
    """Calls over batches, for one run.

    Attributes:
        size: how many samples go through at a time; None = all, as long as they fit.
        note: what a person should know; empty if everything fitted.
    """

    def __init__(self) -> None:
        self.size: int | None = None
        self.note = ""

    def __call__(self, call: Callable[..., Tensor], *batch: Tensor) -> Tensor:
        """``call(*batch)`` for tensors of N rows each, in as few parts as fit.

        Raises:
            NotEnoughMemoryError: if one row alone does not fit.
        """
        count, start, parts = len(batch[0]), 0, []
        while start < count:
            size = min(self.size or count, count - start)
            part = _attempt(call, [rows[start : start + size] for rows in batch])
            if part is None:
                release(batch[0].device)
                self._halve(size, batch[0])
            else:
                parts.append(part)
                start += size
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _halve(self, size: int, batch: Tensor) -> None:
        where = f"the memory of {batch.device.type}"
        if size == 1:
            pixels = f"{batch.shape[-1]}x{batch.shape[-2]}"
            raise NotEnoughMemoryError(
                f"{where} does not hold a single sample of {pixels} pixels; close other programs that use it, or choose "
                "a smaller prior, precision bfloat16 or device cpu."
            )
        self.size = (size + 1) // 2
        self.note = (
            f"{where[0].upper()}{where[1:]} does not hold {len(batch)} samples at once: they ran {self.size} at a time, "
            "which takes longer and gives the same result."
        )


def _attempt(call: Callable[..., Tensor], rows: list[Tensor]) -> Tensor | None:
    try:
        return call(*rows)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    return None  # out here the error is gone, and with it its hold on the tensors of the call


class FittingPrior:
    """A prior whose batches go through `fitting`."""

    def __init__(self, prior: Prior, fitting: Fitting):
        self.image_size, self.alpha_bar = prior.image_size, prior.alpha_bar
        self._prior, self._fitting = prior, fitting

    def predict_eps(self, x_t: Tensor, t: Tensor) -> Tensor:
        """See `Prior.predict_eps`."""
        return self._fitting(self._prior.predict_eps, x_t, t)


class FittingCorrector:
    """A corrector whose batches go through `fitting`."""

    def __init__(self, corrector: Corrector, fitting: Fitting):
        self._corrector, self._fitting = corrector, fitting

    def __call__(self, noisy_grid: Tensor, t: Tensor, condition_grid: Tensor) -> Tensor:
        """See `Corrector.__call__`."""
        return self._fitting(self._corrector, noisy_grid, t, condition_grid)
