"""Is DPI better: ``python -m dpi_core.evaluation.compare_methods --data FACES --out FOLDER``.

Every method over the same prior, on the same held-out faces, at as many calls of the prior: DPI in several settings and the
methods of `dpi_core.baselines` at their published ones, on x8 clean (bicubic) and x8 blind-medium (blur 2 px, noise 8 levels,
JPEG 60; methods that heed a noise level are told the 8). Measures are those of `dpi_core.evaluation.embedded`, each with its
95 % bootstrap interval over the faces; a second table tells how far each method is from one of them, face by face.

Prints one table a task and writes them as ``methods.md`` and ``methods.json``, with a sheet to look at. A face takes about
1.5 s a method and seed on a CPU's core; what was restored is kept in ``FOLDER/kept``, where a later call goes on.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dpi_core.evaluation.embedded import Judge, available, judged, sheet
from dpi_core.evaluation.held_out import TASKS, face_sets, task_of
from dpi_core.evaluation.intervals import Interval, mean_interval
from dpi_core.evaluation.judged_figures import MEASURES, Figures, summary
from dpi_core.evaluation.methods import (
    Way,
    add_model_arguments,
    calls_of,
    models_from,
    settings_from,
)
from dpi_core.measure.identity import dlib_descriptor
from dpi_core.measure.realism import NETWORKS

DPI = ("published", "medium", "mild")
OTHERS = ("ilvr", "repaint", "ddnm", "ddnm+", "ddrm", "diffpir", "dps", "daps")
PAIRED = ("psnr", "agreement", "distance", "ms_ssim")  # what each face has a value of its own for
COLUMNS = ("psnr", "agreement", "detail", "grain", "two_seeds", "distance", "same", "kid", "ms_ssim")


def rows(
    title: str,
    found: Mapping[str, Mapping[str, Interval]],
    calls: Mapping[str, int],
    columns: Sequence[str] = COLUMNS,
) -> str:
    """Write a Markdown table: a method a row, a measure a column; what was not measured is a dash."""
    titles = [MEASURES[name].title for name in columns]
    lines = [f"| {title} | calls | " + " | ".join(titles) + " |", "|---" * (len(titles) + 2) + "|"]
    for method, figures in found.items():
        cells = [_cell(figures.get(name), MEASURES[name].form) for name in columns]
        lines.append(f"| {method} | {calls.get(method, 0) or '-'} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def differences(found: Mapping[str, Figures], against: str) -> dict[str, dict[str, Interval]]:
    """Each method's figures less those of `against`, face by face, so that the faces' own differences cancel."""
    base = found[against]
    return {
        method: {
            name: mean_interval([a - b for a, b in zip(figures[name], base[name], strict=True)])
            for name in PAIRED
            if name in figures and name in base
        }
        for method, figures in found.items()
        if method not in ("truth", against)
    }


def paired_rows(title: str, found: Mapping[str, Mapping[str, Interval]]) -> str:
    """Write a Markdown table of `differences`; an interval that leaves out 0 is a difference."""
    names = [name for name in PAIRED if any(name in figures for figures in found.values())]
    lines = [
        f"| {title} | " + " | ".join(MEASURES[name].title for name in names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for method, figures in found.items():
        cells = [_cell(figures.get(name), f"+{MEASURES[name].form}") for name in names]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(figure: Interval | None, form: str) -> str:
    return "-" if figure is None else "{:{f}} ({:{f}} .. {:{f}})".format(*figure, f=form)


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """Parse the arguments; the methods become ways by name, at as many calls as is said."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_arguments(parser)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=24, help="how many sharp faces (default 24)")
    parser.add_argument("--pairs", type=int, help="for how many of them a second seed (default: all)")
    parser.add_argument("--tasks", nargs="+", default=["8", "medium"], choices=TASKS, help="default: 8 medium")
    parser.add_argument(
        "--methods",
        nargs="+",
        default=[*DPI, *OTHERS],
        help=f"presets, NAME:field=value,... for DPI, or {', '.join(OTHERS)} (default: {', '.join(DPI)} and all of these)",
    )
    parser.add_argument(
        "--against", help="the method that the others are compared with face by face (default: the first)"
    )
    parser.add_argument("--calls", type=int, default=20, help="of the prior for each method (default 20)")
    parser.add_argument("--features", default="efficientnet-lite0", choices=NETWORKS, help="for the kernel distance")
    args = parser.parse_args(argv)
    try:
        found = settings_from(args.methods)
        args.methods = {name: replace(way, steps=args.calls) for name, way in found.items()}
    except ValueError as error:
        parser.error(str(error))
    args.against = args.against or next(iter(found))
    if args.against not in found:
        parser.error(f"against is {args.against!r}; allowed is one of the methods: {', '.join(found)}.")
    return args


def main(argv: list[str] | None = None) -> None:
    args = parsed(argv)
    models = models_from(args)
    args.out.mkdir(parents=True, exist_ok=True)
    describe = available(dlib_descriptor) if models.prior.template == "tight-128" else None
    judge = Judge(models, describe, available(NETWORKS[args.features]), args.out / "kept", models.digest())
    kind, faces = next(iter(face_sets(args.data, models.prior.image_size, args.all).items()))
    true, others = faces.pixels[: args.faces], faces.pixels[args.faces :]
    real = judge.real(others, args.features)
    print(f"{len(true)} {kind} faces, realism against {0 if real is None else len(real)} others ({args.features})")
    ways: dict[str, Way] = args.methods
    calls = {name: calls_of(way) for name, way in ways.items()}
    parts, report = [], {}
    for name in args.tasks:
        task = task_of(name, true)
        found, columns = judged(judge, task, true, real, ways, 0, args.pairs)
        figures = {method: summary(values, found["truth"]) for method, values in found.items()}
        sheet(columns, args.out / f"methods-{task.name.replace(' ', '-')}.png")
        parts.append(rows(f"{task.name}, {len(true)} {kind} faces", figures, calls))
        less = differences(found, args.against)
        parts.append(paired_rows(f"{task.name}: less {args.against}, face by face", less))
        report[task.name] = {"methods": figures, f"less {args.against}": less}
        (args.out / "methods.md").write_text("\n\n".join(parts) + "\n")
        (args.out / "methods.json").write_text(json.dumps(report, indent=1) + "\n")
    print("\n" + "\n\n".join(parts))


if __name__ == "__main__":
    main()
