"""What of a training run is kept on disk, and how one goes on from it."""

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dpi_core.training.moving_average import MovingAverage
from dpi_core.training.shards import has_shards, read_shards, write_shards

CHECKPOINT = "checkpoint.pt"
AVERAGE = "average-"


@dataclass
class TrainingState:
    """A run as far as it has come.

    Attributes:
        averages: of the network, by their half-lives.
        others: what else learns, such as a discriminator and its optimiser, by a name in the checkpoint.
        samples: seen so far.
    """

    network: nn.Module
    averages: dict[int, MovingAverage]
    optimiser: torch.optim.Optimizer
    others: dict[str, Any] = field(default_factory=dict)
    samples: int = 0

    def count(self, samples: int) -> None:
        """Note that the network has learned from so many samples more."""
        self.samples += samples
        for average in self.averages.values():
            average.update(samples, self.samples)

    def save(self, out: Path, shards: Path | None = None) -> None:
        """Write the checkpoint in `out`, and the weights alone in `shards` (`dpi_core.training.shards`)."""
        weights = {half_life: average.weights for half_life, average in self.averages.items()}
        network = self.network.state_dict()
        state = {
            "network": network,
            "averages": weights,
            "optimiser": self.optimiser.state_dict(),
            "samples": self.samples,
            **{name: part.state_dict() for name, part in self.others.items()},
        }
        partial = out / f"{CHECKPOINT}.part"
        torch.save(state, partial)
        partial.replace(out / CHECKPOINT)
        if shards is not None:
            named = {f"{AVERAGE}{half_life}": average for half_life, average in weights.items()}
            write_shards({"network": network, **named, "seen": {"samples": torch.tensor(self.samples)}}, shards)

    def resume(self, out: Path, init: Path | None = None) -> None:
        """Go on from the checkpoint in `out`, else from shards in `init`, if there are any.

        An average that was not kept starts as the network.
        """
        path = out / CHECKPOINT
        if path.exists():
            device = next(self.network.parameters()).device
            state = torch.load(path, map_location=device, weights_only=True)
            for name, part in {"optimiser": self.optimiser, **self.others}.items():
                part.load_state_dict(state[name])
        elif init is not None and has_shards(init):
            parts = read_shards(init)
            kept = {name.removeprefix(AVERAGE): weights for name, weights in parts.items() if name.startswith(AVERAGE)}
            averages = {int(half_life): weights for half_life, weights in kept.items()}
            state = {"network": parts["network"], "averages": averages, "samples": parts["seen"]["samples"]}
        else:
            return
        self.network.load_state_dict(state["network"])
        for half_life, average in self.averages.items():
            older = state.get("average", state["network"])  # finishing once kept one average, without its half-life
            average.load(state.get("averages", {}).get(half_life, older))
        self.samples = int(state["samples"])

    def averaged(self, like: nn.Module) -> dict[str, nn.Module]:
        """Copy the network `like` with each of the averaged weights, by what to put behind a name: "" if there is one."""
        networks = {}
        for half_life, average in self.averages.items():
            network = copy.deepcopy(like)
            network.load_state_dict(average.weights)
            networks[f"-{half_life}" if len(self.averages) > 1 else ""] = network
        return networks
