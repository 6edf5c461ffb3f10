"""What the octave above a face adds: ``python -m dpi_core.evaluation.octave_figures --data FACES --out FOLDER``.

Held-out faces of 256 pixels are reduced to means of 2x2 pixels, and these enlarged again, smoothly and by the octave in several
numbers of steps; then the same above what DPI restores of the means reduced by 8 (`medium`). One line each: fine detail and
grain against the truth's, PSNR, and the kernel distance to other real faces, all at 256 pixels. FACES should hold faces that
are as large; generated ones are left out where their names tell.

Writes a sheet to look at: truth, smooth and drawn above the true means, smooth and drawn above the restored ones.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from dpi_core.evaluation.embedded import available, sheet
from dpi_core.evaluation.held_out import bicubic_task, face_sets
from dpi_core.evaluation.judged_figures import MEASURES, Figures, spectrum, summary
from dpi_core.evaluation.methods import Models, restore
from dpi_core.measure.metrics import psnr
from dpi_core.measure.realism import NETWORKS, Features, kernel_distances
from dpi_core.models.correctors import load_corrector
from dpi_core.models.octave import TIMESTEPS, load_octave, merge, smooth_differences, split
from dpi_core.models.presets import find_preset
from dpi_core.models.priors import load_prior

SCHEDULES = ((100,), TIMESTEPS, (200, 50, 10, 0), (200, 100, 50, 25, 12, 6, 3, 0))
COLUMNS = ("detail", "grain", "psnr", "kid")


def enlarged(means: Tensor, name: str) -> dict[str, Tensor]:
    """Double faces (N,3,H,W) in every way that is compared: smoothly, and drawn by the octave `name`."""
    octave, seeds = load_octave(name, "cpu"), range(len(means))
    found = {"smooth": merge(means, smooth_differences(means))}
    return found | {f"drawn, t {', '.join(map(str, steps))}": octave.draw(means, seeds, steps) for steps in SCHEDULES}


def figures_of(faces: Tensor, true: Tensor, real: Tensor | None, features: Features | None) -> Figures:
    """Measure faces (N,3,H,W) against the true ones, and against the features (M,D) of other real ones."""
    faces = faces.clamp(-1, 1)
    found = spectrum(faces) | {"psnr": [psnr(a, b) for a, b in zip(faces, true, strict=True)]}
    if real is not None and features is not None:
        found["kid"] = kernel_distances(features(faces), real)
    return found


def rows(found: Mapping[str, Figures], truth: Figures) -> str:
    """Write the figures as rows of a Markdown table."""
    lines = []
    for name, figures in found.items():
        told = summary(figures, truth)
        cells = [f"{told[c][0]:{MEASURES[c].form}}" if c in told else "-" for c in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces, or of .tar shards")
    parser.add_argument("--octave", default="embedded", help="embedded, or a folder")
    parser.add_argument("--out", type=Path, required=True, help="folder for the sheet")
    parser.add_argument("--faces", type=int, default=12, help="how many held-out faces (default 12)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    faces = next(iter(face_sets(args.data, 256).values())).pixels
    true, others = faces[: args.faces], faces[args.faces :]
    features = available(NETWORKS["efficientnet-lite0"])
    real = features(others) if features is not None and len(others) > 1 else None
    means = split(true)[0]
    models = Models(load_prior("embedded", "cpu"), load_corrector("embedded", "cpu"), torch.device("cpu"))
    restored = restore(models, bicubic_task(means, 8), find_preset("medium").config)
    truth, columns = spectrum(true), [("truth", true)]
    print(f"{len(true)} faces of 256 pixels, realism against {len(others)} others\n")
    titles = [MEASURES[name].title for name in COLUMNS]
    print("| enlarged | " + " | ".join(titles) + " |\n" + "|---" * (len(titles) + 1) + "|")
    print(rows({"truth": figures_of(true, true, real, features)}, truth), flush=True)
    for above, low in (("the true means", means), ("the restored face", restored)):
        found = enlarged(low, args.octave)
        measured = {f"above {above}, {how}": figures_of(image, true, real, features) for how, image in found.items()}
        print(rows(measured, truth), flush=True)
        columns += [
            (f"{above.split()[1]}: {how[:6]}", found[how])
            for how in ("smooth", f"drawn, t {', '.join(map(str, TIMESTEPS))}")
        ]
    args.out.mkdir(parents=True, exist_ok=True)
    sheet(columns, args.out / "octave.png")


if __name__ == "__main__":
    main()
