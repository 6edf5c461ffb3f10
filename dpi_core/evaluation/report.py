"""What was measured face by face, as means with intervals and as Markdown tables."""

import torch

from dpi_core.evaluation.intervals import mean_interval
from dpi_core.evaluation.measured import Figures, Measured, mean

FORMATS = {"psnr": ".2f", "ssim": ".3f", "ms_ssim": ".3f", "gradients": ".3f", "lr_consistency": ".1f", "gain": "+.2f"}
ENERGY_TITLES = {
    "grid": "energy at the grid's frequency / true faces'",
    "detail": "energy of fine detail / true faces'",
}
THIRDS = ("darkest third", "middle third", "lightest third")
LIGHT_METHODS = ("bicubic", "preset medium")  # whose PSNR is told by brightness


def report(measured: Measured) -> dict:
    """Everything that the tables say, ready for JSON."""
    thirds = list(zip(THIRDS, torch.tensor_split(torch.tensor(measured.truth["brightness"]).argsort(), 3), strict=True))
    found: dict = {"faces": measured.count, **measured.made_with, "tasks": {}, "diversity": {}, "brightness": {}}
    for task, methods in measured.tasks.items():
        found["tasks"][task] = {name: summary(row, methods["bicubic"]) for name, row in methods.items()}
        found["brightness"][task] = {
            third: [mean(methods[name]["psnr"][i] for i in rows.tolist()) for name in LIGHT_METHODS]
            for third, rows in thirds
            if len(rows)  # of one or two faces, not every third has one
        }
    for energy in ENERGY_TITLES:
        true = mean(measured.truth[energy])
        found[energy] = {
            name: {task: mean(methods[name][energy]) / true for task, methods in measured.tasks.items()}
            for name in next(iter(measured.tasks.values()))
        }
    for task, row in measured.diversity.items():
        found["diversity"][task] = {name: mean(values) for name, values in row.items()}
    return found


def summary(row: Figures, bicubic: Figures) -> dict[str, tuple[float, float, float]]:
    """Mean and 95 % interval of every measure, and of the gain in PSNR over bicubic, taken face by face: how hard a face
    is drops out of it."""
    gain = [a - b for a, b in zip(row["psnr"], bicubic["psnr"], strict=True)]
    return {name: mean_interval({**row, "gain": gain}[name]) for name in FORMATS}


def tables(found: dict) -> str:
    """The figures as Markdown: a table a task, then one each for the energies, diversity and brightness."""
    parts = [f"{found['faces']} held-out faces; means with 95 % intervals."]
    for task, rows in found["tasks"].items():
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
    parts += [_table(title, found[energy], ".2f", transposed=False) for energy, title in ENERGY_TITLES.items()]
    if found["diversity"]:
        parts.append(_table("std over seeds, levels", found["diversity"], ".1f", transposed=True))
    thirds = {
        task: {k: f"{b:.2f} -> {a:.2f}" for k, (b, a) in row.items()} for task, row in found["brightness"].items()
    }
    parts.append(_table("PSNR dB, " + " -> ".join(LIGHT_METHODS), thirds, "", transposed=True))
    return "\n\n".join(parts)


def _table(title: str, rows: dict[str, dict], form: str, transposed: bool) -> str:
    if transposed:
        rows = {name: {task: row[name] for task, row in rows.items()} for name in next(iter(rows.values()))}
    head = list(next(iter(rows.values())))
    lines = [f"| {title} | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(f"{row[task]:{form}}" for task in head) + " |" for name, row in rows.items()]
    return "\n".join(lines)
