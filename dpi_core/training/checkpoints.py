"""What of a training run is kept on disk, and how one goes on from it."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from dpi_core.training.moving_average import MovingAverage
from dpi_core.training.shards import has_shards, read_shards, write_shards

CHECKPOINT = "checkpoint.pt"
AVERAGE = "average-"


@dataclass
class TrainingState:
    """A run as far as it has come: `averages` by their half-lives, `samples` seen."""

    network: nn.Module
    averages: dict[int, MovingAverage]
    optimiser: torch.optim.Optimizer
    samples: int = 0

    def save(self, out: Path, shards: Path | None = None) -> None:
        """Write the checkpoint in `out`, and the weights alone in `shards` (`dpi_core.training.shards`)."""
        weights = {half_life: average.weights for half_life, average in self.averages.items()}
        network = self.network.state_dict()
        state = {
            "network": network,
            "averages": weights,
            "optimiser": self.optimiser.state_dict(),
            "samples": self.samples,
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
            self.optimiser.load_state_dict(state["optimiser"])
        elif init is not None and has_shards(init):
            parts = read_shards(init)
            kept = {name.removeprefix(AVERAGE): weights for name, weights in parts.items() if name.startswith(AVERAGE)}
            averages = {int(half_life): weights for half_life, weights in kept.items()}
            state = {"network": parts["network"], "averages": averages, "samples": parts["seen"]["samples"]}
        else:
            return
        self.network.load_state_dict(state["network"])
        for half_life, average in self.averages.items():
            average.load(state["averages"].get(half_life, state["network"]))
        self.samples = int(state["samples"])

    def averaged(self, like: nn.Module) -> dict[str, nn.Module]:
        """Copy the network `like` with each of the averaged weights, by what to put behind a name: "" if there is one."""
        networks = {}
        for half_life, average in self.averages.items():
            network = copy.deepcopy(like)
            network.load_state_dict(average.weights)
            networks[f"-{half_life}" if len(self.averages) > 1 else ""] = network
        return networks
