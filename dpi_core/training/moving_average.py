"""Exponential moving averages of a network's weights, by half-lives in samples.

Karras et al. (2024, EDM2) keep several and choose afterwards. While few samples were seen, a half-life is at most a
quarter of them, so that what the network started from is forgotten at any length.
"""

import torch
from torch import Tensor, nn

RAMP = 0.25


def decay(half_life: float, batch: int, samples: int) -> float:
    """Tell by what to multiply the average at a step of `batch` samples, after which the network has seen `samples`."""
    return 0.5 ** (batch / min(half_life, RAMP * samples))


class MovingAverage:
    """The averaged weights of a network, at first its own.

    Attributes:
        weights: by name, as in its `state_dict`. Counters (whole numbers) are the network's own.
    """

    def __init__(self, network: nn.Module, half_life: float):
        self.half_life = half_life
        self.weights: dict[str, Tensor] = {name: v.detach().clone() for name, v in network.state_dict().items()}
        self._current = network.state_dict()
        floating = [name for name, value in self.weights.items() if value.is_floating_point()]
        self._counters = [name for name in self.weights if name not in floating]
        self._averaged, self._towards = ([state[n] for n in floating] for state in (self.weights, self._current))

    @torch.no_grad()
    def update(self, batch: int, samples: int) -> None:
        """Move towards the network's weights as they are now; see `decay`."""
        torch._foreach_lerp_(self._averaged, self._towards, 1 - decay(self.half_life, batch, samples))
        for name in self._counters:
            self.weights[name].copy_(self._current[name])

    def load(self, weights: dict[str, Tensor]) -> None:
        """Go on from `weights`."""
        for name, value in weights.items():
            self.weights[name].copy_(value)
