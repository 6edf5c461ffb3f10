"""What the embedded models reach: ``python -m dpi_core.evaluation.embedded --data FACES --out FOLDER``.

On aligned faces that never trained, reduced bicubically by 4, 8 and 16: PSNR, SSIM and LR-consistency of bicubic
upsampling and of DPI at the published setting, at tau 150 with and without the corrector, and at the app's preset.
One seed a face. Prints a table; writes ``figures.json`` and a sheet (rows: truth, then for each scale the input and each
method).
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from dpi_core.config import DPIConfig
from dpi_core.corrector import UNetCorrector, load_corrector
from dpi_core.degradation import dense_condition, downscale
from dpi_core.metrics import lr_consistency, psnr, ssim
from dpi_core.pixels import to_tensor
from dpi_core.presets import PRESETS
from dpi_core.priors import UNetPrior, load_prior
from dpi_core.sampler import sample
from dpi_core.training.data import decode, held_out_names, read_encoded
from dpi_core.viz import grid_sheet

SCALES = (4, 8, 16)
METHODS = {
    "published (tau 350)": PRESETS["published"][0],
    "tau 150": DPIConfig(tau=150),
    "tau 150, no CRT": DPIConfig(tau=150, correct=False),
    "balanced (tau 50, eta 1)": PRESETS["balanced"][0],
}
BATCH = 10


def held_out_faces(source: Path, size: int, count: int, everything: bool) -> Tensor:
    """`count` faces (N,3,size,size) in [-1, 1] of those that never train, or of all there are."""
    images = read_encoded(source)
    names = sorted(images) if everything else sorted(held_out_names(list(images)))
    faces = [decode(images[name]).resize((size, size), Image.Resampling.LANCZOS) for name in names[:count]]
    return to_tensor(np.stack([np.asarray(face) for face in faces]))


def figures(result: Tensor, true: Tensor, low_res: Tensor) -> dict[str, float]:
    """Means over a batch of faces."""
    return {"psnr": psnr(result, true), "ssim": ssim(result, true), "lr_consistency": lr_consistency(result, low_res)}


def restore_all(prior: UNetPrior, corrector: UNetCorrector, condition: Tensor, config: DPIConfig) -> Tensor:
    """One result a face, in batches; face i gets seed i."""
    device = next(prior.unet.parameters()).device
    parts = []
    for start in range(0, len(condition), BATCH):
        part = condition[start : start + BATCH].to(device)
        seeds = range(start, start + len(part))
        parts.append(sample(prior, part, config, corrector=corrector, seeds=seeds).cpu())
    return torch.cat(parts)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces, or of .tar shards")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=20, help="how many held-out faces (default 20)")
    parser.add_argument("--all", action="store_true", help="the folder holds only held-out faces: take from all")
    parser.add_argument("--prior", default="embedded")
    parser.add_argument("--corrector", default="embedded")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    prior, corrector = load_prior(args.prior, args.device), load_corrector(args.corrector, args.device)
    true = held_out_faces(args.data, prior.image_size, args.faces, args.all)

    rows: dict[str, dict[str, dict[str, float]]] = {}
    pictures = [true]
    for scale in tqdm(SCALES, unit="scale"):
        low_res = downscale(true, scale)
        condition = dense_condition(low_res, *true.shape[2:])
        row = {"bicubic": figures(condition, true, low_res)}
        pictures.append(condition)
        for name, config in METHODS.items():
            result = restore_all(prior, corrector, condition, config)
            row[name] = figures(result, true, low_res)
            pictures.append(result)
        rows[f"x{scale}"] = row

    args.out.mkdir(parents=True, exist_ok=True)
    report = {"faces": len(true), "prior": args.prior, "corrector": args.corrector, "figures": rows}
    (args.out / "figures.json").write_text(json.dumps(report, indent=2) + "\n")
    columns = min(8, len(true))
    grid_sheet([image for row in pictures for image in row[:columns]], columns).save(args.out / "sheet.png")
    print(table(rows))


def table(rows: dict[str, dict[str, dict[str, float]]]) -> str:
    """The figures as a Markdown table: PSNR dB / SSIM (LR-consistency dB)."""
    names = list(next(iter(rows.values())))
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for scale, row in rows.items():
        cells = [f"{f['psnr']:.2f} / {f['ssim']:.3f} ({f['lr_consistency']:.1f})" for f in row.values()]
        lines.append(f"| {scale} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
