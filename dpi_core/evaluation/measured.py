"""Figures face by face, in a file that grows: a measurement of hours that was cut off goes on where it stopped."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from torch import Tensor

from dpi_core.errors import DPIError

Figures = dict[str, list[float]]  # measure -> one value a face, in the order of the faces


@dataclass
class Measured:
    """What is known of the first `count` faces.

    Attributes:
        made_with: what the figures depend on; figures made with other things are no continuation of these.
        truth: measures of the true faces.
        tasks: task -> method -> measures of its results.
        diversity: task -> method -> how far the seeds of each of the first few faces differ.
    """

    made_with: dict[str, str]
    truth: Figures = field(default_factory=dict)
    tasks: dict[str, dict[str, Figures]] = field(default_factory=dict)
    diversity: dict[str, Figures] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Of how many faces everything is known."""
        return min((len(values) for values in self.truth.values()), default=0)

    def add(self, other: "Measured") -> None:
        """Append what was measured of the faces that follow."""
        _extend(self.truth, other.truth)
        for name, methods in other.tasks.items():
            for method, figures in methods.items():
                _extend(self.tasks.setdefault(name, {}).setdefault(method, {}), figures)
        for name, figures in other.diversity.items():
            _extend(self.diversity.setdefault(name, {}), figures)

    def first(self, count: int) -> "Measured":
        """What is known of the first `count` faces alone."""
        tasks = {task: {name: _cut(row, count) for name, row in rows.items()} for task, rows in self.tasks.items()}
        diversity = {task: _cut(row, count) for task, row in self.diversity.items()}
        return Measured(self.made_with, _cut(self.truth, count), tasks, diversity)

    def save(self, path: Path) -> None:
        """Write everything, in one step: an interruption leaves the file as it was."""
        partial = path.with_name(f"{path.name}.part")
        partial.write_text(json.dumps(asdict(self)) + "\n")
        partial.replace(path)


def resumed(path: Path, made_with: dict[str, str]) -> Measured:
    """What `path` holds, or nothing yet where there is no such file.

    Raises:
        ValueError: if its figures were made with something else, naming what differs.
    """
    if not path.exists():
        return Measured(made_with)
    found = Measured(**json.loads(path.read_text()))
    other = [name for name in {**found.made_with, **made_with} if found.made_with.get(name) != made_with.get(name)]
    if other:
        raise DPIError(
            f"{path} holds figures of another {', another '.join(other)}; remove it or name another folder with --out."
        )
    return found


def digest(tensors: Mapping[str, Tensor]) -> str:
    """What tells these tensors, such as a network's `state_dict`, from others: 12 hex digits."""
    found = hashlib.sha256()
    for name, values in tensors.items():
        found.update(name.encode())
        found.update(values.detach().float().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:12]


def _extend(mine: Figures, more: Figures) -> None:
    for measure, values in more.items():
        mine.setdefault(measure, []).extend(values)


def _cut(figures: Figures, count: int) -> Figures:
    return {measure: values[:count] for measure, values in figures.items()}


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean."""
    found = list(values)
    return sum(found) / len(found)
