"""What the rows of a run come to: a table of intervals for each degradation, and the differences face by face."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dpi_core.evaluation.experiment.plan import Plan
from dpi_core.evaluation.experiment.results import Result
from dpi_core.evaluation.groups import groups
from dpi_core.evaluation.held_out import Faces
from dpi_core.evaluation.intervals import Interval, mean_interval
from dpi_core.evaluation.judged_figures import Figures, differences, spectrum, summary
from dpi_core.evaluation.kept import digest, kept
from dpi_core.evaluation.methods import calls_of
from dpi_core.imaging.known_degradations import AsItIs
from dpi_core.imaging.pixels import to_tensor
from dpi_core.measure.measured_case import Case
from dpi_core.measure.metric_registry import METRICS, figures

TRUTH = "truth"
BY_GROUP = ("psnr", "distance")
ByGroup = dict[str, dict[str, dict[str, Interval]]]  # metric -> method -> group of faces


@dataclass(frozen=True)
class Table:
    """One degradation: method -> metric -> its interval, the same less `against`, and each method's pictures of seed 0."""

    degradation: str
    faces: int
    rows: dict[str, dict[str, Interval]]
    calls: dict[str, int]
    less: dict[str, dict[str, Interval]]
    against: str
    files: dict[str, list[Path]]
    groups: ByGroup
    less_groups: ByGroup

    @property
    def metrics(self) -> list[str]:
        """The metrics that were measured of any method, in the registry's order."""
        return [name for name in METRICS if any(name in row for row in self.rows.values())]


class SetJudge:
    """Judges sets of faces in the features of networks, against those (M,3,S,S) of real faces; keeps features in `folder`."""

    def __init__(self, networks: Mapping[str, Any], real: Tensor, folder: Path, metrics: Sequence[str]):
        self.networks, self.folder = networks, folder
        self.metrics = [name for name in metrics if METRICS[name].of_sets]
        self.real = self._answers(real) if len(real) > 1 and self.metrics else {}

    def figures(self, faces: Tensor) -> Figures:
        """Measure a set (N,3,S,S) of at least two faces by every metric of sets that networks and real faces allow."""
        if not self.real or len(faces) < 2:
            return {}
        mine = self._answers(faces)
        features, inception = ((mine[n], self.real[n]) if n in mine else None for n in ("features", "inception"))
        case = Case(faces, features=features, inception=inception, logits=mine.get("logits"))
        return figures(case, self.metrics)

    def _answers(self, faces: Tensor) -> dict[str, Tensor]:
        def ask() -> dict[str, Tensor]:
            found: dict[str, Tensor] = {}
            if "features" in self.networks:
                found["features"] = self.networks["features"](faces)
            if "inception" in self.networks:
                found["inception"], found["logits"] = self.networks["inception"](faces)
            return found

        return kept(self.folder, f"{sorted(self.networks)} {digest({'faces': faces})}", ask) if self.networks else {}


def tables_of(plan: Plan, faces: Faces, results: Sequence[Result], judge: SetJudge) -> list[Table]:
    """Summarise results, a table a degradation: of each face the first seed, and what two and more seeds say of variety."""
    who = groups(faces.names, faces.pixels)
    return [_table(plan, faces, who, results, judge, degradation) for degradation in plan.degradations]


def _table(
    plan: Plan, faces: Faces, who: dict[str, list[int]], results: Sequence[Result], judge: SetJudge, degradation: str
) -> Table:
    known = not isinstance(plan.degradations[degradation], AsItIs)
    of_faces: dict[str, Figures] = {}
    of_sets: dict[str, Figures] = {}
    files = {}
    for method in plan.methods:
        mine = [r for r in results if (r.degradation, r.method, r.seed) == (degradation, method, 0)]
        names = [name for name in plan.metrics if any(name in r.figures for r in mine)]
        usable = [name for name in names if known or METRICS[name].against_truth is None]
        of_faces[method] = {name: [r.figures[name] for r in mine if name in r.figures] for name in usable}
        files[method] = [r.file for r in mine]
        of_sets[method] = judge.figures(pictures(files[method]))
    sparsities = {method: getattr(way, "sparsity", 2) for method, way in plan.methods.items()}
    truths = {sparsity: spectrum(faces.pixels, sparsity) if known else {} for sparsity in {2, *sparsities.values()}}
    rows = {method: summary(of_faces[method] | of_sets[method], truths[sparsities[method]]) for method in plan.methods}
    if known:
        its_own = {name: values for name, values in truths[2].items() if name in plan.metrics}
        rows = {TRUTH: summary(its_own | judge.figures(faces.pixels), truths[2])} | rows
    calls = {method: calls_of(way) for method, way in plan.methods.items()}
    less = differences(of_faces, plan.against)
    of_less = {method: {name: mean_interval(values) for name, values in row.items()} for method, row in less.items()}
    of_groups, less_groups = _by_group(of_faces, who), _by_group(less, who)
    return Table(degradation, len(faces.names), rows, calls, of_less, plan.against, files, of_groups, less_groups)


def _by_group(found: Mapping[str, Figures], who: Mapping[str, list[int]]) -> ByGroup:
    return {
        name: {
            method: {group: mean_interval([figures[name][i] for i in rows]) for group, rows in who.items()}
            for method, figures in found.items()
            if name in figures
        }
        for name in BY_GROUP
        if who and any(name in figures for figures in found.values())
    }


def pictures(files: Sequence[Path]) -> Tensor:
    """Read pictures of one size as (N,3,S,S) in [-1, 1]."""
    return (
        to_tensor(np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files]))
        if files
        else torch.empty(0)
    )
