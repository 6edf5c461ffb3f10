"""How fast a run is, once a minute: samples a second, and the share of what the card can do at most."""

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

PEAK = {"H100": 989e12, "H200": 989e12}  # floating-point operations a second, bfloat16, dense
TRAINING = 3  # a backward pass costs twice its forward pass


@torch.no_grad()
def operations(forward: Callable[[], object]) -> int:
    """Count the floating-point operations of what `forward` computes, an addition and a multiplication as two."""
    with FlopCounterMode(display=False) as counter:
        forward()
    return counter.get_total_flops()


def peak_of(device: torch.device) -> float | None:
    """Tell what the card can do at most, in operations a second; None if that is not known."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return next((peak for key, peak in PEAK.items() if key in name), None)


class SpeedLog:
    """Prints a line every `seconds`.

    Args:
        flops: operations a sample; None = do not tell the share of the peak.
        peak: see `peak_of`.
    """

    def __init__(self, flops: float | None, peak: float | None, seconds: float = 60.0):
        self._flops, self._peak, self._seconds = flops, peak, seconds
        self._last: tuple[float, int] | None = None

    def update(self, samples: int) -> None:
        """Note that `samples` were seen by now."""
        now = time.monotonic()
        if self._last is None:
            self._last = now, samples
        elif now - self._last[0] >= self._seconds:
            tqdm.write(self.line((samples - self._last[1]) / (now - self._last[0]), samples))
            self._last = now, samples

    def line(self, pace: float, samples: int) -> str:
        """Write the line for a pace of `pace` samples a second."""
        text = f"{samples} samples, {pace:.1f} a second"
        if self._flops is None:
            return text
        text += f", {pace * self._flops / 1e12:.3g} TFLOP/s"
        return f"{text}, {pace * self._flops / self._peak:.1%} of the peak" if self._peak else text
