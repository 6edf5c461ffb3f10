"""What the embedded models reach: ``python -m dpi_core.evaluation.embedded --data FACES --out FOLDER``.

On aligned faces that never trained, reduced bicubically by 4, 8 and 16 and blindly by 8, for every method of
`dpi_core.evaluation.methods`: PSNR, SSIM, MS-SSIM, gradient similarity, LR-consistency and the gain in PSNR over bicubic,
each with its 95 % bootstrap interval; the grid's spectral energy against the true faces'; the diversity of eight seeds on
the first few faces; PSNR by brightness. Prints tables; writes ``figures.json`` and a sheet (rows: truth, then for each task
every method).
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from dpi_core.consistency import project
from dpi_core.evaluation.held_out import (
    Task,
    bicubic_task,
    blind_task,
    brightness_thirds,
    held_out_faces,
)
from dpi_core.evaluation.intervals import mean_interval
from dpi_core.evaluation.methods import (
    CONFIGS,
    PROJECTED,
    Models,
    add_model_arguments,
    methods,
    models_from,
    restore,
)
from dpi_core.metrics import gradient_similarity, grid_energy, lr_consistency, ms_ssim, psnr, seed_diversity, ssim
from dpi_core.viz import grid_sheet

SCALES = (4, 8, 16)
SEEDS = 8
DIVERSITY_METHODS = ("DPI, published (tau 350)", "DPI, tau 150", "preset medium")
FORMATS = {"psnr": ".2f", "ssim": ".3f", "ms_ssim": ".3f", "gradients": ".3f", "lr_consistency": ".1f", "gain": "+.2f"}

Figures = dict[str, list[float]]  # measure -> one value a face


def figures(result: Tensor, true: Tensor, low_res: Tensor) -> Figures:
    """Every measure of every face (N,3,H,W)."""
    measures: dict[str, Callable[[int], float]] = {
        "psnr": lambda i: psnr(result[i], true[i]),
        "ssim": lambda i: ssim(result[i], true[i]),
        "ms_ssim": lambda i: ms_ssim(result[i], true[i]),
        "gradients": lambda i: gradient_similarity(result[i], true[i]),
        "lr_consistency": lambda i: lr_consistency(result[i], low_res[i]),
    }
    return {name: [measure(i) for i in range(len(true))] for name, measure in measures.items()}


def summary(row: Figures, bicubic: Figures) -> dict[str, tuple[float, float, float]]:
    """Mean and 95 % interval of every measure, and of the gain in PSNR over bicubic, taken face by face: how hard a face
    is drops out of it."""
    gain = [a - b for a, b in zip(row["psnr"], bicubic["psnr"], strict=True)]
    return {measure: mean_interval(values) for measure, values in {**row, "gain": gain}.items()}


def diversity(models: Models, task: Task, faces: int) -> dict[str, float]:
    """The per-pixel standard deviation over seeds in 8-bit levels, the mean over the first `faces` faces."""
    few = Task(task.name, task.low_res[:faces], task.condition[:faces])
    found = {}
    for name in DIVERSITY_METHODS:
        results = torch.stack([restore(models, few, CONFIGS[name], seeds=1000 * s) for s in range(SEEDS)], dim=1)
        found[name] = sum(float(seed_diversity(one).mean()) for one in results) / len(results) * 127.5
    return found


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_arguments(parser)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--faces", type=int, help="how many held-out faces (default: all)")
    parser.add_argument(
        "--diversity-faces", type=int, default=10, help="of them for the diversity (default 10; 0: none)"
    )
    args = parser.parse_args(argv)
    models = models_from(args)
    true = held_out_faces(args.data, models.prior.image_size, args.faces, args.all)
    tasks = [*(bicubic_task(true, scale) for scale in SCALES), blind_task(true)]
    compared = methods(models)

    args.out.mkdir(parents=True, exist_ok=True)
    columns = min(8, len(true))
    energy = grid_energy(true, 2)
    report: dict = {"faces": len(true), "prior": args.prior, "corrector": args.corrector, "grid_energy_truth": energy}
    report |= {"tasks": {}, "grid": {}, "diversity": {}, "brightness": {}}
    shown = [true[:columns]]
    with tqdm(total=len(tasks) * len(compared)) as bar:
        for task in tasks:
            found: dict[str, Figures] = {}
            for name, method in compared.items():
                bar.set_postfix_str(f"{task.name} {name}")
                result = method(task)
                results = {name: result}
                if name in PROJECTED:
                    results[f"{name}, projected"] = project(result, task.low_res)
                for title, faces in results.items():
                    found[title] = figures(faces, true, task.low_res)
                    report["grid"].setdefault(title, {})[task.name] = grid_energy(faces, 2) / energy
                shown.append(result[:columns])
                bar.update()
            report["tasks"][task.name] = {name: summary(row, found["bicubic"]) for name, row in found.items()}
            report["brightness"][task.name] = {
                third: [sum(found[name]["psnr"][i] for i in rows) / len(rows) for name in ("bicubic", "preset medium")]
                for third, rows in brightness_thirds(true)
                if len(rows)  # of one or two faces, not every third has one
            }
            if args.diversity_faces:
                report["diversity"][task.name] = diversity(models, task, args.diversity_faces)
            (args.out / "figures.json").write_text(json.dumps(report, indent=1) + "\n")
    grid_sheet([image for row in shown for image in row], columns).save(args.out / "sheet.png")
    print(tables(report))


def tables(report: dict) -> str:
    """The figures as Markdown: a table a task, then one each for grid energy, diversity and brightness."""
    parts = [f"{report['faces']} held-out faces; means with 95 % intervals."]
    for task, rows in report["tasks"].items():
        lines = [
            f"| {task} | PSNR dB | SSIM | MS-SSIM | gradients | LR-consistency dB | over bicubic dB |",
            "|---" * 7 + "|",
        ]
        for name, row in rows.items():
            cells = [
                f"{mean:{form}} ({low:{form}} .. {high:{form}})"
                for form, (mean, low, high) in zip(FORMATS.values(), row.values(), strict=True)
            ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines))
    parts.append(_table("grid energy / truth's", report["grid"], ".1f", transposed=False))
    if report["diversity"]:
        parts.append(_table("std over seeds, levels", report["diversity"], ".1f", transposed=True))
    thirds = {
        task: {k: f"{b:.2f} -> {a:.2f}" for k, (b, a) in row.items()} for task, row in report["brightness"].items()
    }
    parts.append(_table("PSNR dB, bicubic -> preset medium", thirds, "", transposed=True))
    return "\n\n".join(parts)


def _table(title: str, rows: dict[str, dict], form: str, transposed: bool) -> str:
    if transposed:
        rows = {name: {task: row[name] for task, row in rows.items()} for name in next(iter(rows.values()))}
    head = list(next(iter(rows.values())))
    lines = [f"| {title} | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(f"{row[task]:{form}}" for task in head) + " |" for name, row in rows.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
