"""What the embedded models reach: ``python -m dpi_core.evaluation.embedded --data FACES --out FOLDER``.

On aligned faces that never trained, reduced bicubically by 4, 8 and 16 and blindly by 8, for every method of
`dpi_core.evaluation.methods`: PSNR, SSIM, MS-SSIM, gradient similarity, LR-consistency and the gain in PSNR over bicubic,
each with its 95 % bootstrap interval; the spectral energy of the mask's grid and of fine detail against the true faces';
the diversity of eight seeds on the first few faces; PSNR by brightness. Prints tables; writes ``figures.json`` and a sheet
of the first faces (rows: truth, then for each task every method).

All 500 faces take hours on a laptop, less with ``--precision bfloat16`` where the CPU has it; what that changes is measured by
`dpi_core.evaluation.precision`. ``measured.json`` holds what is known of every face; the same command goes on from it.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from dpi_core.errors import DPIError
from dpi_core.evaluation.held_out import Task, bicubic_task, blind_task, brightness, held_out_faces
from dpi_core.evaluation.measured import Figures, Measured, digest, resumed
from dpi_core.evaluation.methods import (
    CONFIGS,
    PROJECTED,
    Models,
    add_model_arguments,
    methods,
    models_from,
    restore,
)
from dpi_core.evaluation.report import report, tables
from dpi_core.measure.metrics import (
    detail_energy,
    gradient_similarity,
    grid_energy,
    lr_consistency,
    ms_ssim,
    psnr,
    seed_diversity,
    ssim,
)
from dpi_core.method.consistency import project
from dpi_core.models.acceleration import PRECISIONS
from dpi_core.show.figures import grid_sheet

SCALES = (4, 8, 16)
SEEDS = 8
DIVERSITY_METHODS = ("DPI, published (tau 350)", "DPI, tau 150", "preset medium")
SHOWN = 8  # faces on the sheet

ENERGIES: dict[str, Callable[[Tensor], float]] = {"grid": lambda face: grid_energy(face, 2), "detail": detail_energy}


def figures(result: Tensor, true: Tensor, low_res: Tensor) -> Figures:
    """Every measure of every face (N,3,H,W)."""
    measures: dict[str, Callable[[int], float]] = {
        "psnr": lambda i: psnr(result[i], true[i]),
        "ssim": lambda i: ssim(result[i], true[i]),
        "ms_ssim": lambda i: ms_ssim(result[i], true[i]),
        "gradients": lambda i: gradient_similarity(result[i], true[i]),
        "lr_consistency": lambda i: lr_consistency(result[i], low_res[i]),
    }
    found = {name: [measure(i) for i in range(len(true))] for name, measure in measures.items()}
    return found | {name: [energy(face) for face in result] for name, energy in ENERGIES.items()}


def of_truth(true: Tensor) -> Figures:
    """What is known of the true faces (N,3,H,W) themselves."""
    energies = {name: [energy(face) for face in true] for name, energy in ENERGIES.items()}
    return {"brightness": brightness(true).tolist(), **energies}


def results(models: Models, task: Task) -> Iterator[tuple[str, Tensor]]:
    """The results (N,3,H,W) of every method, and of some the projected ones too."""
    for name, method in methods(models).items():
        result = method(task)
        yield name, result
        if name in PROJECTED:
            yield f"{name}, projected", project(result, task.low_res)


def diversity(models: Models, task: Task, faces: int) -> Figures:
    """The per-pixel standard deviation over seeds in 8-bit levels, of each of the first `faces` faces of the task."""
    faces = min(faces, len(task.condition))
    low_res, condition = (x[:faces].repeat_interleave(SEEDS, dim=0) for x in (task.low_res, task.condition))
    repeated = Task(task.name, low_res, condition)
    seeds = [1000 * s + task.first + i for i in range(faces) for s in range(SEEDS)]
    found = {}
    for name in DIVERSITY_METHODS:
        seen = restore(models, repeated, CONFIGS[name], seeds).split(SEEDS)
        found[name] = [float(seed_diversity(one).mean()) * 127.5 for one in seen]
    return found


def measure(models: Models, true: Tensor, first: int, diverse: int) -> tuple[Measured, list[Tensor]]:
    """The figures of faces (N,3,H,W), the first of which has number `first`, and their rows of the sheet.

    `diverse`: of how many of them the diversity is measured.
    """
    found = Measured({}, truth=of_truth(true))
    rows = [true]
    for task in (*(bicubic_task(true, scale, first) for scale in SCALES), blind_task(true, first)):
        row = found.tasks.setdefault(task.name, {})
        for name, result in results(models, task):
            row[name] = figures(result, true, task.low_res)
            rows.append(result)
        if diverse:
            found.diversity[task.name] = diversity(models, task, diverse)
    return found, rows


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_arguments(parser)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--faces", type=int, help="how many held-out faces (default: all)")
    parser.add_argument(
        "--diversity-faces", type=int, default=10, help="of them for the diversity (default 10; 0: none)"
    )
    parser.add_argument("--precision", default="float32", choices=PRECISIONS, help="of the networks (default float32)")
    args = parser.parse_args(argv)
    models = models_from(args)
    true = held_out_faces(args.data, models.prior.image_size, args.faces, args.all)

    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "measured.json"
    try:
        measured = resumed(path, made_with(args, models, true))
    except DPIError as error:
        sys.exit(str(error))
    models = models.computing_in(PRECISIONS[args.precision])
    with tqdm(total=len(true), initial=min(measured.count, len(true)), unit="face") as bar:
        for first in range(measured.count, len(true), models.batch):
            together = true[first : first + models.batch]
            diverse = min(max(args.diversity_faces - first, 0), len(together))
            found, rows = measure(models, together, first, diverse)
            if first == 0:
                shown = min(SHOWN, len(together))
                grid_sheet([face for row in rows for face in row[:shown]], shown).save(args.out / "sheet.png")
            measured.add(found)
            measured.save(path)
            write(args.out, measured)
            bar.update(len(together))
    print(tables(write(args.out, measured.first(len(true)))))


def write(out: Path, measured: Measured) -> dict:
    """Write ``figures.json`` and return what it holds."""
    found = report(measured)
    (out / "figures.json").write_text(json.dumps(found, indent=1) + "\n")
    return found


def made_with(args: argparse.Namespace, models: Models, true: Tensor) -> dict[str, str]:
    """What the figures depend on, by names that a person knows."""
    return {
        "prior": f"{args.prior} {digest(models.prior.unet.state_dict())}",
        "corrector": f"{args.corrector} {digest(models.corrector.unet.state_dict())}",
        "first face": digest({"pixels": true[0]}),
        "precision": args.precision,
        "settings": str(CONFIGS),
        "number of faces for the diversity": str(args.diversity_faces),
    }


if __name__ == "__main__":
    main()
