"""The command line: ``python -m dpi_core restore photo.jpg -o out/``. Errors are one line on stderr and exit code 2."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from dpi_core import __version__
from dpi_core.config import DPIConfig
from dpi_core.presets import PRESETS

if TYPE_CHECKING:
    from dpi_core.pipeline import Restoration, Restorer

EXIT_ERROR = 2
OPTIONS = {  # command-line option -> DPIConfig field
    "steps": ("steps", int),
    "tau": ("tau", int),
    "sparsity": ("sparsity", int),
    "edge_exponent": ("edge_exponent", float),
    "omega": ("omega", float),
    "eta": ("eta", float),
}


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; returns the exit code."""
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except (ValueError, OSError) as error:
        _complain(str(error))
    except KeyboardInterrupt:
        _complain("interrupted; what was finished is kept.")
    return EXIT_ERROR


def _complain(message: str) -> None:
    print("dpi_core:", " ".join(message.split()), file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _complain(f"{message}; see {self.prog} --help")
        sys.exit(EXIT_ERROR)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m dpi_core", description="Face super-resolution (DPI).")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    p = commands.add_parser("restore", help="restore the faces of photos")
    p.add_argument("inputs", nargs="+", type=Path, metavar="IN", help="photos, or folders of them")
    p.add_argument("-o", "--out", type=Path, required=True, help="folder for the results (PNG, settings inside)")
    p.add_argument("--scale", type=int, help="4, 8 or 16: reduce the face first, a simulation with figures")
    p.add_argument("--preset", choices=list(PRESETS), help="settings to start from (default: published)")
    for name, (_, kind) in OPTIONS.items():
        p.add_argument(f"--{name.replace('_', '-')}", type=kind)
    p.add_argument("--no-correct", action="store_true", help="leave the condition uncorrected")
    p.add_argument("--raw-eps", action="store_true", help="noise the condition with the network's own eps")
    p.add_argument(
        "--project",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="make the result reduce to the input exactly (default: as the preset says)",
    )
    p.add_argument("--seed", type=int, default=0, help="the (first) seed (default 0)")
    p.add_argument("--seeds", type=int, default=1, metavar="N", help="N results, from seeds SEED .. SEED + N - 1")
    p.add_argument(
        "--face", default=None, help="index (0 = the largest), several as 0,2,3, or all but the sharp ones (all)"
    )
    p.add_argument("--include-sharp", action="store_true", help="with --face all: the sharp faces too")
    p.add_argument("--aligned", action="store_true", help="the inputs are aligned face crops, whatever is on them")
    p.add_argument("--background", type=int, default=1, help="1 to 4: enlarge the photo (Lanczos) under the faces")
    p.add_argument("--detector", default="auto", help="auto, face-alignment, yunet or embedded")
    p.add_argument("--prior", default="embedded", help="embedded, or a folder with a diffusers UNet2DModel")
    p.add_argument("--corrector", default="embedded", help="embedded, or a folder")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    p.add_argument("--json", action="store_true", help="print one JSON object per photo on stdout")
    p.set_defaults(run=_restore)

    p = commands.add_parser(
        "detect",
        help="list the faces of photos as JSON",
        description="One JSON object a photo. size: pixels of the photo that the side of the face's aligned crop spans; "
        "sharp: larger and finer in the photo than the embedded prior would make it.",
    )
    p.add_argument("inputs", nargs="+", type=Path, metavar="IN")
    p.add_argument("--detector", default="auto", help="auto, face-alignment, yunet or embedded")
    p.set_defaults(run=_detect)
    return parser


def config_from(args: argparse.Namespace) -> DPIConfig:
    """The settings of a command line: a preset (published where none is named) and the options over it."""
    base = PRESETS[args.preset or "published"][0]
    given = {field: getattr(args, name) for name, (field, _) in OPTIONS.items() if getattr(args, name) is not None}
    if args.no_correct:
        given["correct"] = False
    if args.raw_eps:
        given["raw_eps"] = True
    if args.project is not None:
        given["project"] = args.project
    return base.replaced(given)


def photos_in(inputs: list[Path]) -> list[Path]:
    """The files among `inputs`, with folders replaced by the pictures under them.

    Raises:
        ValueError: if an input does not exist or a folder holds no picture.
    """
    from dpi_core.images import SUFFIXES

    found: list[Path] = []
    for path in inputs:
        if not path.exists():
            raise ValueError(f"{path}: there is no such file or folder.")
        inside = (
            sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            if path.is_dir()
            else [path]
        )
        if not inside:
            raise ValueError(f"{path}: the folder holds no picture ({', '.join(SUFFIXES)}).")
        found += inside
    return found


def _restore(args: argparse.Namespace) -> int:
    config, photos = config_from(args), photos_in(args.inputs)
    if not 1 <= args.seeds <= 64:
        raise ValueError(f"seeds is {args.seeds}; allowed is 1 to 64.")
    face = _face(args.face)
    from dpi_core.pipeline import Restorer

    restorer = Restorer(args.prior, args.device, corrector=args.corrector)
    args.out.mkdir(parents=True, exist_ok=True)
    names = _output_names(photos)

    def work(photo: Path) -> None:
        name = next(names)  # also for a photo that fails: the names follow the photos one by one
        _write(_restore_one(restorer, photo, config, args, face), photo, name, args)

    return _each(photos, work)


def _face(text: str | None) -> int | list[int] | str | None:
    """What --face says, as `Restorer.prepare` takes it."""
    if text is None or text == "all":
        return text
    numbers = [part.strip() for part in text.split(",")]
    if not all(number.isdecimal() for number in numbers):
        raise ValueError(
            f"face is {text!r}; allowed is an index (0 = the largest), several with commas between, or all."
        )
    return int(numbers[0]) if len(numbers) == 1 else [int(number) for number in numbers]


def _each(photos: list[Path], work: Callable[[Path], None]) -> int:
    """Do the work for every photo, going on after one that cannot be used; returns the exit code."""
    code = 0
    for photo in photos:
        try:
            work(photo)
        except ValueError as error:
            _complain(str(error) if photo.name in str(error) or len(photos) == 1 else f"{photo}: {error}")
            code = EXIT_ERROR
    return code


def _restore_one(
    restorer: "Restorer", photo: Path, config: DPIConfig, args: argparse.Namespace, face: int | list[int] | str | None
) -> "Restoration":
    from tqdm import tqdm

    from dpi_core.pipeline import Restoration

    prepared = restorer.prepare(
        photo,
        scale=args.scale,
        aligned=args.aligned,
        face=face,
        detector=args.detector,
        include_sharp=args.include_sharp,
    )
    seeds = range(args.seed, args.seed + args.seeds)
    total = config.steps * len(prepared.jobs)
    with tqdm(total=total, desc=photo.name, unit="step", disable=None if not args.json else True) as bar:
        for item in restorer.restore_steps(prepared, config, seeds=seeds, background=args.background):
            if isinstance(item, Restoration):
                return item
            bar.set_postfix_str(item.event.stage)
            bar.update()
    raise AssertionError("restore_steps ends with a Restoration")


def _output_names(photos: list[Path]) -> Iterator[str]:
    taken: set[str] = set()
    for photo in photos:
        name = next(n for n in chain([photo.stem], (f"{photo.stem}-{i}" for i in count(2))) if n not in taken)
        taken.add(name)
        yield name


def _write(result: "Restoration", photo: Path, name: str, args: argparse.Namespace) -> None:
    from dpi_core.composing import saved_photo
    from dpi_core.images import save_png

    files = []
    for r in result.results:
        path = args.out / f"{name}-face{r.job.index}-seed{r.seed}.png"
        save_png(r.image, path, r.settings)
        files.append(path)
    if result.preparation.faces:
        for i in range(len(result.photos)):
            path = args.out / f"{name}-photo-seed{args.seed + i}.png"
            settings = {"faces": [r.settings for r in result.results if r.seed == args.seed + i]}
            save_png(saved_photo(result, i), path, settings | {"background": result.background})
            files.append(path)
    faces = [{"face": r.job.index, "seed": r.seed, **r.measured} for r in result.results]
    report = {
        "input": str(photo),
        "note": result.preparation.note,
        "seconds": round(result.seconds, 3),
        "files": [str(path) for path in files],
        "faces": faces,
    }
    if args.json:
        print(json.dumps(report), flush=True)
    else:
        print(f"{photo}: {result.preparation.note}")
        for entry in faces:
            print("  " + ", ".join(f"{key} {value}" for key, value in entry.items()))
        print("\n".join(f"  {path}" for path in files), flush=True)


def _detect(args: argparse.Namespace) -> int:
    import numpy as np

    from dpi_core.faces import find_faces, is_sharp, span
    from dpi_core.images import read_image

    def show(photo: Path) -> None:
        picture = read_image(photo)
        report, pixels = find_faces(picture, args.detector), np.asarray(picture)
        faces = [
            {
                "box": [round(float(v), 2) for v in f.box],
                "points": f.points.round(2).tolist(),
                "score": round(float(f.score), 4),
                "size": round(span(f), 1),
                "sharp": is_sharp(pixels, f),
            }
            for f in report.faces
        ]
        print(json.dumps({"input": str(photo), "detector": report.detector_used, "note": report.note, "faces": faces}))

    return _each(photos_in(args.inputs), show)


if __name__ == "__main__":
    sys.exit(main())
