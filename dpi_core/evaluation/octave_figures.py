"""What the octave above a face adds: ``python -m dpi_core.evaluation.octave_figures --data FACES --out FOLDER``.

Held-out faces of 256 pixels are reduced to means of 2x2 pixels, and these enlarged again, smoothly and by the octave in several
numbers of steps; then the same above what DPI restores of the means reduced by 8 (`medium`). One line each: fine detail and
grain against the truth's, PSNR, and the kernel distance to other real faces, all at 256 pixels. FACES should hold faces that
are as large; generated ones are left out where their names tell.

Writes a sheet to look at: truth, smooth and drawn above the true means, smooth and drawn above the restored ones.
"""

import argparse
from pathlib import Path

from torch import Tensor

from dpi_core.commands.console import in_a_sentence
from dpi_core.evaluation.embedded import available, sheet
from dpi_core.evaluation.experiment.run_tables import SetJudge
from dpi_core.evaluation.held_out import bicubic_task, face_sets
from dpi_core.evaluation.judged_figures import spectrum, summary
from dpi_core.evaluation.methods import add_model_arguments, models_from, restore
from dpi_core.evaluation.report import markdown, means
from dpi_core.measure.measured_case import Case
from dpi_core.measure.metric_registry import METRICS, figures
from dpi_core.measure.realism import efficientnet_features
from dpi_core.models.octave import TIMESTEPS, load_octave, merge, smooth_differences, split
from dpi_core.models.presets import find_preset

SCHEDULES = ((100,), TIMESTEPS, (200, 50, 10, 0), (200, 100, 50, 25, 12, 6, 3, 0))
COLUMNS = ("detail", "grain", "psnr", "kid")


def enlarged(low: Tensor, name: str) -> dict[str, Tensor]:
    """Double faces (N,3,H,W) in every way that is compared: smoothly, and drawn by the octave `name`."""
    octave, seeds = load_octave(name, "cpu"), range(len(low))
    found = {"smooth": merge(low, smooth_differences(low))}
    return found | {f"drawn, t {', '.join(map(str, steps))}": octave.draw(low, seeds, steps) for steps in SCHEDULES}


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_arguments(parser)
    parser.add_argument("--octave", default="embedded", help="embedded, or a folder")
    parser.add_argument("--out", type=Path, required=True, help="folder for the sheet")
    parser.add_argument("--faces", type=int, default=12, help="how many held-out faces (default 12)")
    args = parser.parse_args(argv)
    models = models_from(args)
    faces = next(iter(face_sets(args.data, 256, args.all).values())).pixels
    true, others = faces[: args.faces], faces[args.faces :]
    features = available(efficientnet_features)
    judge = SetJudge({"features": features} if features else {}, others, args.out / "kept", ("kid",))
    low = split(true)[0]
    restored = restore(models, bicubic_task(low, 8), find_preset("medium").config)
    drawn = f"drawn, t {', '.join(map(str, TIMESTEPS))}"
    columns, images = [("truth", true)], {"truth": true}
    for above, small in (("the true means", low), ("the restored face", restored)):
        found = enlarged(small, args.octave)
        images |= {f"above {above}, {how}": image for how, image in found.items()}
        columns += [(f"{above.split()[1]}: {how[:6]}", found[how]) for how in ("smooth", drawn)]
    print(f"{len(true)} faces of 256 pixels, realism against {len(others)} others\n")
    rows = []
    for name, image in images.items():
        faces = image.clamp(-1, 1)
        measured = figures(Case(faces, true=true), COLUMNS) | judge.figures(faces)
        rows.append([name, *means(summary(measured, spectrum(true)), COLUMNS)])
    print(markdown(["enlarged", *(METRICS[name].title for name in COLUMNS)], rows))
    args.out.mkdir(parents=True, exist_ok=True)
    sheet(columns, args.out / "octave.png")


if __name__ == "__main__":
    main()
