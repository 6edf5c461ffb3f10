"""``restore IN... -o OUT``: every photo's faces as PNG files, the photo with them in place, and films if wanted."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.commands.films import KINDS, Films
from dpi_core.commands.inputs import each_photo, named_path, output_names, photos_in
from dpi_core.commands.options import SeedCount, add_run_options, request_from, restorer_from
from dpi_core.commands.progress import fetched, restored

if TYPE_CHECKING:
    from dpi_core.restore.records import Restoration

SEEDS = SeedCount(1, 64, 1)


def add_restore(commands) -> None:
    """Add the subcommand to argparse's subparsers."""
    p = commands.add_parser("restore", help="restore the faces of photos")
    p.add_argument("inputs", nargs="+", type=named_path, metavar="IN", help="photos, or folders of them")
    p.add_argument("-o", "--out", type=named_path, required=True, help="folder for the results (PNG, settings inside)")
    p.add_argument("--json", action="store_true", help="print one JSON object per photo on stdout")
    p.add_argument("--film", choices=KINDS, help="also write each face's run (its first seed) step by step")
    p.add_argument("--background", type=int, help="1 to 4: enlarge the photo (Lanczos) under the faces (default 1)")
    p.add_argument("--face", help="index (0 = the largest), several as 0,2,3, or all but the sharp ones (all)")
    p.add_argument("--include-sharp", action="store_true", default=None, help="with --face all: the sharp faces too")
    add_run_options(p, SEEDS)
    p.set_defaults(run=restore)


def restore(args: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code.

    Raises:
        ValueError, OSError: if it cannot begin.
    """
    request, photos = request_from(args, SEEDS), photos_in(args.inputs)
    fetched(request.prior, quiet=args.json)
    restorer = restorer_from(args, request)
    args.out.mkdir(parents=True, exist_ok=True)
    names = output_names(photos)

    def work(photo: Path) -> None:
        name = next(names)  # also for a photo that fails: the names follow the photos one by one
        prepared = restorer.prepared(photo, request)
        films = Films() if args.film else None
        watch = films.watch if films else None
        result = restored(restorer, prepared, request, photo.name, quiet=args.json, watch=watch)
        files = write_results(result, args.out, name)
        if films:
            files += films.save(args.out, name, request.seeds[0], args.film)
        report(result, photo, files, args.json)

    return each_photo(photos, work)


def write_results(result: "Restoration", out: Path, name: str) -> list[Path]:
    """Write ``<name>-face<i>-seed<n>.png`` and, unless the input is an aligned face, ``<name>-photo-seed<n>.png``."""
    from dpi_core.imaging.pictures import save_png
    from dpi_core.restore.compose import saved_photo

    files = []
    for r in result.results:
        path = out / f"{name}-face{r.job.index}-seed{r.seed}.png"
        save_png(r.image, path, r.settings)
        files.append(path)
    if result.preparation.faces:
        for i, seed in enumerate(dict.fromkeys(r.seed for r in result.results)):
            path = out / f"{name}-photo-seed{seed}.png"
            settings = {"faces": [r.settings for r in result.results if r.seed == seed]}
            save_png(saved_photo(result, i), path, settings | {"background": result.background})
            files.append(path)
    return files


def report(result: "Restoration", photo: Path, files: list[Path], as_json: bool) -> None:
    """Print what was made of a photo and what was measured, for people or as one JSON object."""
    faces = [{"face": r.job.index, "seed": r.seed, **r.measured} for r in result.results]
    if as_json:
        values = {
            "input": str(photo),
            "note": result.note,
            "seconds": round(result.seconds, 3),
            "files": [str(path) for path in files],
            "faces": faces,
        }
        print(json.dumps(values), flush=True)
        return
    print(f"{photo}: {result.note}")
    for entry in faces:
        print("  " + ", ".join(f"{key} {value}" for key, value in entry.items()))
    print("\n".join(f"  {path}" for path in files), flush=True)
