"""One training run on many GPUs or machines: a process for each, started by ``accelerate launch`` (or torchrun).

Every process holds the whole network and its own share of the faces; after each step their gradients are averaged, so N
processes with batches of B learn as one with batches of N B. The first process alone writes and reports. A run of one
process needs no `accelerate`.
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from dpi_core.errors import DPIError
from dpi_core.models.devices import pick_device

if TYPE_CHECKING:
    from accelerate import Accelerator

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The processes of a run, seen from one of them; `accelerator` is None if it is alone."""

    device: torch.device
    rank: int = 0
    count: int = 1
    accelerator: "Accelerator | None" = None

    @property
    def writes(self) -> bool:
        """Whether this is the one that writes files and reports."""
        return self.rank == 0

    def share(self, faces: dict[str, T]) -> dict[str, T]:
        """Take this process's part of named things: every `count`-th, in the order of their names."""
        return {name: faces[name] for name in sorted(faces)[self.rank :: self.count]}

    def shared(self, network: nn.Module) -> nn.Module:
        """Wrap the network for the forward pass; its backward pass averages the gradients, and it starts as the first's."""
        return network if self.accelerator is None else self.accelerator.prepare_model(network)

    def agreed(self, seconds: float) -> float:
        """Return what the first process says: all must stop after the same step, or they wait for each other for ever."""
        if self.accelerator is None:
            return seconds
        from accelerate.utils import broadcast

        return float(broadcast(torch.tensor([seconds], dtype=torch.float64, device=self.device))[0])

    def leave(self) -> None:
        """Leave the group of processes; all must call this, and first let go of what `shared` returned."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()  # one that is still in its last call would wait for ever
            self.accelerator.free_memory()  # a shared network that outlives the connection may wait for it at its end
            self.accelerator.end_training()


def join_processes(device: str = "auto") -> Processes:
    """Join the processes that this one was launched with, each on a GPU of its own, or on the CPU if `device` is "cpu".

    Raises:
        ValueError: if there are several and `accelerate` is missing, or the device cannot be used by several.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Processes(pick_device(device))
    if device not in ("auto", "cpu", "cuda"):
        raise DPIError(f"device is {device!r} for {count} processes; allowed is auto (a GPU each), cuda or cpu.")
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise DPIError(
            f"this was launched as one of {count} processes, which needs accelerate: pip install accelerate. One process "
            "alone runs without it."
        ) from error
    accelerator = Accelerator(cpu=pick_device(device).type == "cpu")
    return Processes(accelerator.device, accelerator.process_index, accelerator.num_processes, accelerator)
