"""What the embedded models reach: ``python -m dpi_core.evaluation.embedded --data FACES --out FOLDER``.

Judged on the plane of perception and distortion (Blau & Michaeli 2018), on aligned faces that never trained: fine detail,
grain and the mask's grid against the truth's spectrum, the kernel distance to other real held-out faces, how far seeds and
stages differ, agreement with the input, PSNR, SSIM, MS-SSIM and identity, each with its 95 % bootstrap interval; by groups of
people, as far as the file names tell them. The prior's own samples (50 steps, eta 0 and 1) are measured as far as that needs
no truth.

Prints the tables and writes them as ``report.md`` and ``figures.json``, with a sheet to look at for each kind of faces.
A face takes about 1.5 s a run on a CPU's core; what was restored is kept in ``FOLDER/kept``, where a later call finds it.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from dpi_core.commands.console import in_a_sentence
from dpi_core.evaluation.experiment.run_tables import SetJudge
from dpi_core.evaluation.groups import groups
from dpi_core.evaluation.held_out import TASKS, Faces, Task, face_sets, task_of
from dpi_core.evaluation.judged_figures import spectrum, summary, varied
from dpi_core.evaluation.kept import digest, kept
from dpi_core.evaluation.methods import (
    SETTINGS,
    Models,
    Restored,
    Way,
    add_model_arguments,
    corrector_alone,
    models_from,
    restored,
    settings_from,
)
from dpi_core.evaluation.report import by_metric, markdown
from dpi_core.imaging.pixels import to_image
from dpi_core.measure.identity import Descriptor, UnavailableError, dlib_descriptor
from dpi_core.measure.measured_case import Case, Figures
from dpi_core.measure.metric_registry import figures
from dpi_core.measure.realism import NETWORKS
from dpi_core.models.acceleration import PRECISIONS
from dpi_core.show.figures import labelled_sheet
from dpi_core.training.sheets import unconditional_samples

SEEDS = 8
SHOWN = 12  # faces on the sheet
PRIOR_STEPS = 50
GROUP_METRICS = ("detail", "psnr", "gain", "cosine", "distance", "same")


class Restorations:
    """Runs of the models under test, and the folder that keeps what they made; `made` tells them from others."""

    def __init__(self, models: Models, folder: Path, made: str):
        self.models, self.folder, self.made = models, folder, made

    def runs(self, task: Task, name: str, way: Way, diverse: int) -> list[Restored]:
        """Restore with two seeds for every face and six more for the first `diverse`."""
        found = []
        for seed in range(SEEDS if diverse else 2):
            count, parts = len(task.condition) if seed < 2 else diverse, []
            for first in tqdm(range(0, count, self.models.batch), desc=f"{task.name} {name}, seed {seed}", leave=False):
                rows = slice(first, min(first + self.models.batch, count))
                part = replace(task, low_res=task.low_res[rows], condition=task.condition[rows], first=first)
                parts.append(self._restored(part, way, seed))
            found.append(Restored(torch.cat([one.result for one in parts]), torch.cat([one.fcm_end for one in parts])))
        return found

    def _restored(self, part: Task, way: Way, seed: int) -> Restored:
        seeds = [1000 * seed + part.first + i for i in range(len(part.condition))]
        inputs = digest({"condition": part.condition, "low_res": part.low_res})
        made_from = f"{self.made} {way} {inputs} {seeds}"
        return Restored(**kept(self.folder, made_from, lambda: vars(restored(self.models, part, way, seeds))))

    def samples(self, count: int, eta: float) -> Tensor:
        """Sample faces (N,3,S,S) that the prior makes up by itself."""
        parts = []
        for first in range(0, count, self.models.batch):
            seeds = range(first, min(first + self.models.batch, count))
            made_from = f"{self.made} prior {PRIOR_STEPS} {eta} {first} {seeds.stop}"
            parts.append(kept(self.folder, made_from, partial(self._samples, seeds, eta))["x"])
        return torch.cat(parts)

    def _samples(self, seeds: range, eta: float) -> dict[str, Tensor]:
        return {"x": unconditional_samples(self.models.prior, seeds, PRIOR_STEPS, eta).cpu()}


def judged(
    made: Restorations,
    judge: SetJudge,
    describe: Descriptor | None,
    task: Task,
    true: Tensor,
    settings: dict[str, Way],
    diverse: int,
) -> tuple[dict[str, Figures], list[tuple[str, Tensor]]]:
    """Measure every method on one task's faces; return figures and columns of the sheet. The count: `Restorations.runs`."""
    size = true.shape[2:]
    columns = [("truth", true), ("input", F.interpolate(task.low_res, size)), ("bicubic", task.condition)]
    columns.append(("corrector alone", corrector_alone(made.models, task)))
    people = None if describe is None else describe(true, true)

    def measured(faces: Tensor, **more: Any) -> Figures:
        who = None if describe is None or people is None else (describe(faces, true), people)
        case = Case(faces, true=true, low_res=task.low_res, upsampled=task.condition, people=who, **more)
        return figures(case) | judge.figures(faces)

    found = {"truth": spectrum(true) | judge.figures(true)}
    found |= {name: measured(faces) for name, faces in columns[2:]}
    for name, way in settings.items():
        runs = made.runs(task, name, way, diverse)
        found[name] = measured(runs[0].result, **varied(runs))
        columns += [(f"{name}, seed {seed}", run.result) for seed, run in enumerate(runs[:2])]
    return found, columns


def sheet(columns: list[tuple[str, Tensor]], path: Path) -> None:
    """Write faces at twice their size, a face a row."""
    count = min(SHOWN, len(columns[0][1]))
    cells = [
        (F.interpolate(faces[i : i + 1], scale_factor=2)[0], name) for i in range(count) for name, faces in columns
    ]
    labelled_sheet([to_image(face) for face, _ in cells], [name for _, name in cells], len(columns)).save(path)


def available(load: Callable[[], Any]) -> Any:
    """Return what `load` does; where it is not available, None and a line that says why."""
    try:
        return load()
    except UnavailableError as error:
        print(f"Not available: {error}", file=sys.stderr)
        return None


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command's arguments; return them, and its settings as `DPIConfig`s."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_arguments(parser)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=24, help="how many faces of each kind (default 24)")
    parser.add_argument("--sets", nargs="+", help="sharp, utk (default: all that the folder has)")
    parser.add_argument("--tasks", nargs="+", default=["8"], choices=TASKS, help="default: 8")
    parser.add_argument(
        "--settings",
        nargs="+",
        default=SETTINGS,
        help=f"presets, or NAME:field=value,... (default {' '.join(SETTINGS)})",
    )
    parser.add_argument("--diverse", type=int, default=4, help="of how many faces eight seeds (default 4; 0: none)")
    parser.add_argument("--features", default="efficientnet-lite0", choices=NETWORKS, help="for the kernel distance")
    parser.add_argument("--no-samples", action="store_true", help="leave out the prior's own samples")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS, help="of the networks (default float32)")
    args = parser.parse_args(argv)
    args.settings = settings_from(args.settings)
    return args


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    args = parsed(argv)
    models = models_from(args)
    made = f"{models.digest()} {args.precision}"
    sets = face_sets(args.data, models.prior.image_size, args.all)
    args.out.mkdir(parents=True, exist_ok=True)
    models = models.computing_in(PRECISIONS[args.precision])
    describe = available(dlib_descriptor) if models.prior.template == "tight-128" else None
    features = available(NETWORKS[args.features])
    restorations = Restorations(models, args.out / "kept", made)

    parts: list[str] = []
    report: dict[str, Any] = {"prior": args.prior, "corrector": args.corrector, "made with": made, "sets": {}}
    for kind, faces in sets.items():
        if args.sets and kind not in args.sets:
            continue
        true = faces.pixels[: args.faces]
        others = faces.pixels[args.faces :]
        judge = SetJudge(
            {"features": features} if features else {}, others, args.out / "kept" / args.features, ("kid",)
        )
        print(f"{kind}: {len(true)} faces, realism against {len(others)} others ({args.features})")
        for name in args.tasks:
            task = task_of(name, true)
            diverse = min(args.diverse, len(true))
            found, columns = judged(restorations, judge, describe, task, true, args.settings, diverse)
            if not args.no_samples:
                for eta in (0.0, 1.0):
                    made_up = restorations.samples(len(true), eta)
                    found[f"the prior's own, eta {eta:g}"] = spectrum(made_up) | judge.figures(made_up)
            sheet(columns, args.out / f"{kind}-{task.name.replace(' ', '-')}.png")
            whole, by_group = told(found, faces, len(true))
            report["sets"].setdefault(kind, {})[task.name] = {"methods": whole, "groups": by_group}
            tables = [by_metric(f"{kind}, {task.name}, {len(true)} faces", whole)]
            tables += [
                by_metric(f"{kind}, {task.name}, {n}", rows, GROUP_METRICS) for n, rows in by_group.items() if rows
            ]
            parts += [markdown(*cells) for cells in tables]
            (args.out / "report.md").write_text("\n\n".join(parts) + "\n")
            (args.out / "figures.json").write_text(json.dumps(report, indent=1) + "\n")
    print("\n" + "\n\n".join(parts))


def told(found: dict[str, Figures], faces: Faces, count: int) -> tuple[dict, dict]:
    """Summarise every method over all faces, and each setting over each group."""
    truth = found["truth"]
    whole = {name: summary(figures, truth) for name, figures in found.items()}
    rows = groups(faces.names[:count], faces.pixels[:count])
    by_group = {
        name: {
            group: summary({m: figures[m] for m in GROUP_METRICS if m in figures}, truth, chosen)
            for group, chosen in rows.items()
        }
        for name, figures in found.items()
        if "fcm_end" in figures
    }
    return whole, by_group


if __name__ == "__main__":
    main()
