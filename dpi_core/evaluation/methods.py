"""What is compared: from a task's conditions to results, one a face; without other seeds face number i gets seed i."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dpi_core.baselines.by_name import METHODS
from dpi_core.baselines.problem import Problem
from dpi_core.evaluation.held_out import Task
from dpi_core.evaluation.kept import digest
from dpi_core.method.config import DPIConfig
from dpi_core.method.sampler import StepEvent, sample_steps
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

    def digest(self, way: "Way | None" = None) -> str:
        """Tell these networks from others, by their weights; `way`: only those that it asks."""
        networks = {"prior": self.prior.unet}
        if way is None or asks_corrector(way):
            networks["corrector"] = self.corrector.unet
        return digest({f"{name} {k}": v for name, unet in networks.items() for k, v in unet.state_dict().items()})

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


@dataclass(frozen=True)
class Baseline:
    """A method of `dpi_core.baselines` in so many calls of the prior, at timesteps of this spacing."""

    name: str
    steps: int = 20
    spacing: float = 1.0


Way = DPIConfig | Baseline  # DPI with these settings, or another method


def calls_of(way: Way) -> int:
    """Tell how often a way calls the prior for a face."""
    return 0 if isinstance(way, Baseline) and way.name in ("bicubic", "corrector") else way.steps


def asks_corrector(way: Way) -> bool:
    """Tell whether a way has anything of the corrector."""
    return way.name == "corrector" if isinstance(way, Baseline) else way.correct


def settings_from(words: Sequence[str]) -> dict[str, Way]:
    """Read the settings that a command line names: presets, or ``NAME:field=value,...`` with `DPIConfig`'s fields, or methods.

    Raises:
        ValueError: on an unknown preset, an unknown field or a value out of range.
    """
    found: dict[str, Way] = {}
    for word in words:
        name, colon, fields = word.partition(":")
        if colon:
            pairs = (field.partition("=")[::2] for field in filter(None, fields.split(",")))
            found[name] = DPIConfig.from_dict({field.strip(): _value(text) for field, text in pairs})
        elif name in METHODS:
            found[name] = Baseline(name)
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


def restored(models: Models, task: Task, way: Way, seeds: Sequence[int] | None = None) -> Restored:
    """Restore a task's faces; `seeds` are the faces' own (N), without them their numbers."""
    if seeds is None:
        seeds = range(task.first, task.first + len(task.condition))
    results, ends = [], []
    for start in range(0, len(task.condition), models.batch):
        rows = slice(start, start + models.batch)
        condition, low_res = task.condition[rows].to(models.device), task.low_res[rows].to(models.device)
        end = result = condition
        for event in _events(models, way, condition, low_res, tuple(seeds[rows]), task.noise_level):
            end = event.x0 if event.stage == "FCM" or event.index == 0 else end
            result = event.x0
        results.append(result.cpu())
        ends.append(end.cpu())
    return Restored(torch.cat(results), torch.cat(ends))


def _events(
    models: Models, way: Way, condition: Tensor, low_res: Tensor, seeds: tuple[int, ...], noise_level: float
) -> Iterator[StepEvent]:
    if isinstance(way, Baseline):
        problem = Problem(models.prior, condition, low_res, seeds, noise_level, models.corrector, spacing=way.spacing)
        return METHODS[way.name](problem, way.steps)
    return sample_steps(models.prior, condition, way, corrector=models.corrector, seeds=seeds, low_res=low_res)


def restore(models: Models, task: Task, way: Way, seeds: Sequence[int] | None = None) -> Tensor:
    """Return the results (N,3,H,W) alone; see `restored`."""
    return restored(models, task, way, seeds).result


def corrector_alone(models: Models, task: Task) -> Tensor:
    """Ask the corrector what it knows without the prior (N,3,H,W); see `dpi_core.baselines.corrector_alone`."""
    return restore(models, task, Baseline("corrector"))
