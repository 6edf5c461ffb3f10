"""Units of work: some faces under one degradation by one method, with all seeds. A unit is done and kept as a whole, so that a
face always has the same batch-mates and its result is the same to the last bit, however often a run was cut off."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dpi_core.evaluation.experiment.plan import Plan
from dpi_core.evaluation.held_out import Faces, Task, degraded_task
from dpi_core.evaluation.judged_figures import varied
from dpi_core.evaluation.methods import Models, Restored, Way, calls_of, restored
from dpi_core.faces.templates import TEMPLATES
from dpi_core.imaging.known_degradations import AsItIs, Degrading
from dpi_core.imaging.pixels import to_image, to_tensor
from dpi_core.measure.measured_case import Case
from dpi_core.measure.metric_registry import METRICS, NETWORKS, figures
from dpi_core.models.correctors import load_corrector
from dpi_core.models.devices import pick_device
from dpi_core.models.priors import load_prior


@dataclass(frozen=True)
class Row:
    """A result: its face, seed and figures, and the picture as PNG."""

    image: str
    number: int
    seed: int
    figures: dict[str, float]
    picture: bytes


@dataclass(frozen=True, eq=False)
class Unit:
    """Faces (n,S,S,3) uint8, the first of which has number `first`; `seeds`: how many each of them gets."""

    key: str
    degradation: str
    method: str
    damage: Degrading
    way: Way
    first: int
    names: tuple[str, ...]
    pixels: np.ndarray
    seeds: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many results it makes."""
        return sum(self.seeds)


class Worker:
    """The models of one process, and the networks and metrics that it measures with."""

    def __init__(self, models: tuple[str, str, str], networks: tuple[str, ...], metrics: tuple[str, ...]):
        self.models = loaded_models(*models)
        self.networks = {name: loaded_network(name) for name in networks}
        self.metrics = metrics

    def __call__(self, unit: Unit) -> list[Row]:
        """Restore and measure a unit's faces; a row for every face and seed, seed by seed."""
        true = to_tensor(unit.pixels)
        task, truth = task_of_unit(unit, true)
        runs, seconds = [], []
        for seed in range(max(unit.seeds)):
            begun = time.process_time()  # other programs do not count
            runs.append(self._run(task, unit, seed))
            seconds.append(time.process_time() - begun)
        rows = []
        for seed, run in enumerate(runs):
            chosen = having(unit.seeds, seed)
            case = self._case(runs if seed == 0 else [run], task, truth, chosen)
            each, sparsity = seconds[seed] / len(chosen), getattr(unit.way, "sparsity", 2)
            found = figures(replace(case, seconds=[each] * len(chosen), sparsity=sparsity), self.metrics)
            for i, number in enumerate(chosen):
                values = {name: column[i] for name, column in found.items() if i < len(column)}
                picture = as_png(run.result[i])
                rows.append(Row(unit.names[number], unit.first + number, seed, values, picture))
        return rows

    def _run(self, task: Task, unit: Unit, seed: int) -> Restored:
        chosen = having(unit.seeds, seed)
        part = Task(task.name, task.low_res[chosen], task.condition[chosen], task.first, task.noise_level)
        return restored(self.models, part, unit.way, [1000 * seed + unit.first + i for i in chosen])

    def _case(self, runs: list[Restored], task: Task, truth: Tensor | None, chosen: list[int]) -> Case:
        result, true = runs[0].result, None if truth is None else truth[chosen]
        describe, compare = self.networks.get("people"), self.networks.get("perceptual")
        return Case(
            result,
            true=true,
            low_res=task.low_res[chosen],
            upsampled=task.condition[chosen],
            people=(describe(result, true), describe(true, true)) if describe and true is not None else None,
            perceptual=compare(result, true) if compare and true is not None else None,
            points=torch.from_numpy(TEMPLATES[self.models.prior.template].resized(result.shape[-1]).array()),
            **varied(runs),
        )


@cache
def loaded_models(prior: str, corrector: str, device: str) -> Models:
    """Load models once in this process."""
    return Models(load_prior(prior, device), load_corrector(corrector, device), pick_device(device))


@cache
def loaded_network(name: str) -> Any:
    """Load a network of `NETWORKS` once in this process.

    Raises:
        UnavailableError: if it cannot be had.
    """
    return NETWORKS[name]()


def units_of(plan: Plan, faces: Faces, made_with: Callable[[Way], str]) -> Iterator[Unit]:
    """List a plan's units; `made_with` tells a method's models, and the metrics, from others."""
    pixels = ((faces.pixels.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    for degradation, damage in plan.degradations.items():
        for method, way in plan.methods.items():
            for first in range(0, len(pixels), plan.batch):
                some = pixels[first : first + plan.batch]
                names = tuple(faces.names[first : first + plan.batch])
                several = plan.seeds if calls_of(way) else 1
                seeds = tuple(several if first + i < plan.diverse else 1 for i in range(len(some)))
                what = (made_with(way), degradation, damage, method, way, first, names, seeds)
                key = hashlib.sha256(f"{what} {hashlib.sha256(some.tobytes()).hexdigest()}".encode()).hexdigest()[:16]
                yield Unit(key, degradation, method, damage, way, first, names, some, seeds)


def task_of_unit(unit: Unit, true: Tensor) -> tuple[Task, Tensor | None]:
    """Make what is restored of the faces (n,3,S,S), and the truth; of a photograph as it is none is known."""
    task = degraded_task(unit.degradation, true, unit.damage, unit.first)
    if isinstance(unit.damage, AsItIs):
        return Task(task.name, task.low_res, true, task.first), None
    return task, true


def having(seeds: tuple[int, ...], seed: int) -> list[int]:
    """List the faces, by their place, that have this seed."""
    return [i for i, count in enumerate(seeds) if seed < count]


def as_png(face: Tensor) -> bytes:
    """Encode a face (3,S,S) in [-1, 1] as PNG."""
    buffer = BytesIO()
    to_image(face).save(buffer, "PNG")
    return buffer.getvalue()


def of_faces(metrics: tuple[str, ...], networks: tuple[str, ...]) -> tuple[str, ...]:
    """Pick the metrics of single faces that these networks, and no others, allow."""
    return tuple(
        name
        for name in metrics
        if not METRICS[name].of_sets and all(need not in NETWORKS or need in networks for need in METRICS[name].needs)
    )
