"""What is compared: from a task's conditions to results, one a face; without other seeds face number i gets seed i."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dpi_core.evaluation.held_out import Task
from dpi_core.method.config import DPIConfig
from dpi_core.method.sampler import sample_steps
from dpi_core.models.acceleration import accelerated
from dpi_core.models.correctors import UNetCorrector, load_corrector
from dpi_core.models.devices import pick_device
from dpi_core.models.presets import find_preset
from dpi_core.models.priors import UNetPrior, load_prior

BATCH, GPU_BATCH = 10, 100
SETTINGS = ("published", "mild", "medium", "heavy")


@dataclass(frozen=True)
class Models:
    """The networks under test and the device they live on."""

    prior: UNetPrior
    corrector: UNetCorrector
    device: torch.device

    @property
    def batch(self) -> int:
        """How many faces are restored at once: enough to keep the device busy."""
        return BATCH if self.device.type == "cpu" else GPU_BATCH

    def computing_in(self, dtype: torch.dtype) -> "Models":
        """Convert the networks to `dtype`, in place."""
        return Models(accelerated(self.prior, dtype), accelerated(self.corrector, dtype), self.device)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every script over held-out faces shares; `models_from` takes them."""
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces, or of .tar shards")
    parser.add_argument("--all", action="store_true", help="the folder holds only held-out faces: take from all")
    parser.add_argument("--prior", default="embedded")
    parser.add_argument("--corrector", default="embedded")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")


def models_from(args: argparse.Namespace) -> Models:
    """Load the models that the arguments name."""
    if args.threads:
        torch.set_num_threads(args.threads)
    prior, corrector = load_prior(args.prior, args.device), load_corrector(args.corrector, args.device)
    return Models(prior, corrector, pick_device(args.device))


def settings_from(words: Sequence[str]) -> dict[str, DPIConfig]:
    """Read the settings that a command line names: presets, or ``NAME:field=value,...`` with `DPIConfig`'s fields.

    Raises:
        ValueError: on an unknown preset, an unknown field or a value out of range.
    """
    found = {}
    for word in words:
        name, colon, fields = word.partition(":")
        if colon:
            pairs = (field.partition("=")[::2] for field in filter(None, fields.split(",")))
            found[name] = DPIConfig.from_dict({field.strip(): _value(text) for field, text in pairs})
        else:
            found[name] = find_preset(name).config
    return found


def _value(text: str) -> object:
    try:
        return json.loads(text.lower())
    except json.JSONDecodeError:
        return text


@dataclass(frozen=True, eq=False)
class Restored:
    """Results (N,3,H,W) on the CPU and the clean estimates that FCM ended with (where there was no FCM, the first ones)."""

    result: Tensor
    fcm_end: Tensor


def restored(models: Models, task: Task, config: DPIConfig, seeds: Sequence[int] | None = None) -> Restored:
    """Restore a task's faces by DPI; `seeds` are the faces' own (N), without them their numbers."""
    if seeds is None:
        seeds = range(task.first, task.first + len(task.condition))
    results, ends = [], []
    for start in range(0, len(task.condition), models.batch):
        rows = slice(start, start + models.batch)
        condition, low_res = task.condition[rows].to(models.device), task.low_res[rows].to(models.device)
        end = result = condition
        for event in sample_steps(
            models.prior, condition, config, corrector=models.corrector, seeds=seeds[rows], low_res=low_res
        ):
            end = event.x0 if event.stage == "FCM" or event.index == 0 else end
            result = event.x0
        results.append(result.cpu())
        ends.append(end.cpu())
    return Restored(torch.cat(results), torch.cat(ends))


def restore(models: Models, task: Task, config: DPIConfig, seeds: Sequence[int] | None = None) -> Tensor:
    """Return DPI's results (N,3,H,W) alone; see `restored`."""
    return restored(models, task, config, seeds).result


@torch.no_grad()
def corrector_alone(models: Models, task: Task, sparsity: int = 2) -> Tensor:
    """Ask the corrector once at every shifted grid and put the answers together: what it knows without the prior (N,3,H,W).

    At the noisiest timestep, where c is noise and y_init all there is to see.
    """
    t = len(models.prior.alpha_bar) - 1
    generator = torch.Generator().manual_seed(0)
    parts = []
    for condition in task.condition.split(models.batch):
        result = condition.clone()
        for i in range(sparsity):
            for j in range(sparsity):
                grid = condition[..., i::sparsity, j::sparsity].contiguous().to(models.device)
                noise = torch.randn(grid.shape, generator=generator).to(grid)
                steps = torch.full((len(grid),), t, device=grid.device)
                result[..., i::sparsity, j::sparsity] = models.corrector(noise, steps, grid).cpu()
        parts.append(result.clamp(-1, 1))
    return torch.cat(parts)
