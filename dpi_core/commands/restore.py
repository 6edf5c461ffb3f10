"""``restore IN... -o OUT``: every photo's faces as PNG files, the photo with them in place, and films if wanted."""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpi_core.commands.batch import Outcome, conclude, failure, note_down, outcome_of
from dpi_core.commands.consent import ask_before_downloads
from dpi_core.commands.console import complain
from dpi_core.commands.inputs import named_path, photos_in
from dpi_core.commands.options import SeedCount, add_run_options, request_from, restorer_from, settled
from dpi_core.commands.outputs import Job, Outputs, written_whole
from dpi_core.commands.progress import fetched, restored
from dpi_core.models.presets import AUTOMATIC
from dpi_core.workers import ENGINES, Died, carried_out, check_workers

if TYPE_CHECKING:
    from dpi_core.restore.records import Restoration
    from dpi_core.restore.request import Request

SEEDS = SeedCount(1, 64, 1)


def add_restore(commands) -> None:
    """Add the subcommand to argparse's subparsers."""
    p = commands.add_parser("restore", help="restore the faces of photos")
    p.add_argument("inputs", nargs="+", type=named_path, metavar="IN", help="photos, or folders of them")
    p.add_argument("-o", "--out", type=named_path, required=True, help="folder for the results (PNG, settings inside)")
    p.add_argument("--json", action="store_true", help="print one JSON object per photo on stdout")
    p.add_argument("--film", choices=("gif", "mp4"), help="also write each face's run (its first seed) step by step")
    p.add_argument(
        "--background",
        type=int,
        help="1 to 4: enlarge the photo (Lanczos) under the faces (default 1); 0: as far as they need",
    )
    p.add_argument("--face", help="index (0 = the largest), several as 0,2,3, or all but the sharp ones (all)")
    p.add_argument("--include-sharp", action="store_true", default=None, help="with --face all: the sharp faces too")
    p.add_argument("--overwrite", action="store_true", help="make everything again, over results that are there")
    p.add_argument(
        "--workers", type=int, default=1, metavar="N", help="restore N photos at once, each process with its own models"
    )
    p.add_argument(
        "--engine",
        choices=ENGINES,
        default="local",
        help="ray: the N are actors of a Ray cluster, that of RAY_ADDRESS or one started here; all of its machines must see "
        "IN and OUT under the same names (a shared file system)",
    )
    p.add_argument(
        "--log", type=named_path, metavar="FILE", help="append one JSON object per photo: status, files, reason"
    )
    add_run_options(p, SEEDS)
    p.set_defaults(run=restore)


def restore(args: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    request = request_from(args, SEEDS)
    check_workers(args.engine, args.workers)
    photos = photos_in(args.inputs, partial(tell, journal=args.log))
    ask_before_downloads(args, request)
    fetched(request.prior, quiet=args.json)
    asked = {**request.to_dict(), "preset": args.preset, "film": args.film, "precision": args.precision}
    outputs = Outputs(args.out, asked, args.overwrite)
    load = partial(loaded, args, request)
    carried = carried_out(map(outputs.job, photos), load, args.workers, args.engine, args.device)
    args.out.mkdir(parents=True, exist_ok=True)  # models that this process cannot use were told before
    if args.log is not None:
        args.log.touch()  # one that cannot be written is told before the work, not after the first photo
    outcomes = (failure(job.photo, done.reason) if isinstance(done, Died) else arrived(done) for job, done in carried)
    return conclude(outcomes, len(photos), partial(show, as_json=args.json), args.log)


def arrived(outcome: Outcome) -> Outcome:
    """Return what came of a photo, a failure where this machine does not find the files that a worker wrote."""
    lost = [file for file in outcome.report.get("files", ()) if not Path(file).exists()]
    if not lost:
        return outcome
    why = "was written where this machine does not see it; the machines of a cluster must share IN and OUT."
    return failure(outcome.photo, f"{lost[0]} {why}")


def tell(line: str, journal: Path | None) -> None:
    """Print a line on what is left out of a batch, and log it."""
    complain(line)
    if journal is not None:
        note_down(journal, {"status": "left out", "reason": line})


def loaded(args: argparse.Namespace, request: "Request") -> Callable[[Job], Outcome]:
    """Load the models; returns what restores a photo with them, files written, whatever is raised."""
    from dpi_core.show.film import FilmRecorder, save_gif, save_mp4

    restorer = restorer_from(args, request)

    def work(job: Job) -> dict[str, Any]:
        prepared = restorer.prepared(job.photo, request)
        films: defaultdict[int, FilmRecorder] = defaultdict(FilmRecorder)  # by the face's index
        watch = (lambda step: films[step.job.index].watch(step)) if args.film else None
        quiet = args.json or args.workers > 1
        asked, chosen = settled(args, request, prepared, AUTOMATIC)
        result = restored(restorer, prepared, asked, job.photo.name, quiet=quiet, watch=watch)
        files = file_names(result, job.name, args.film)
        with written_whole(args.out, job.name) as folder:
            write_results(result, folder, job, files)
            for face, film in films.items():
                path = folder / f"{job.name}-face{face}-seed{request.seeds[0]}.{args.film}"
                {"gif": save_gif, "mp4": save_mp4}[args.film](film.frames, path)
        return {
            "note": f"{chosen} {result.note}".strip(),
            "seconds": round(result.seconds, 3),
            "files": [str(args.out / name) for name in files],
            "faces": [{"face": r.job.index, "seed": r.seed, **r.measured} for r in result.results],
        }

    return lambda job: already_done(job) if job.done else outcome_of(job.photo, partial(work, job))


def file_names(result: "Restoration", name: str, film: str | None) -> list[str]:
    """Name the files made of a photo.

    ``<name>-face<i>-seed<n>.png``, ``<name>-photo-seed<n>.png`` unless the input is an aligned face, and each face's film.
    """
    seeds = list(dict.fromkeys(r.seed for r in result.results))
    faces = [f"{name}-face{r.job.index}-seed{r.seed}.png" for r in result.results]
    photos = [f"{name}-photo-seed{seed}.png" for seed in seeds] if result.preparation.faces else []
    films = [f"{name}-face{job.index}-seed{seeds[0]}.{film}" for job in result.preparation.jobs] if film else []
    return faces + photos + films


def write_results(result: "Restoration", folder: Path, job: Job, files: list[str]) -> None:
    """Write the PNGs of `file_names`, each with its settings and its job."""
    from dpi_core.imaging.pictures import save_png
    from dpi_core.restore.compose import saved_photo

    record = {"job": {**job.record, "files": files}}
    for r in result.results:
        save_png(r.finest, folder / f"{job.name}-face{r.job.index}-seed{r.seed}.png", r.settings | record)
    if result.preparation.faces:
        for i, seed in enumerate(dict.fromkeys(r.seed for r in result.results)):
            faces = [r.settings | record for r in result.results if r.seed == seed]
            settings = {"faces": faces, "background": result.background, **record}
            save_png(saved_photo(result, i), folder / f"{job.name}-photo-seed{seed}.png", settings)


def already_done(job: Job) -> Outcome:
    """Make the outcome of a photo whose results are there."""
    note = "Done before with the same settings, so it was skipped; --overwrite makes it again."
    values = {"input": str(job.photo), "status": "skipped", "note": note, "files": [str(path) for path in job.done]}
    return Outcome(job.photo, "skipped", {**values, "faces": []})


def show(outcome: Outcome, as_json: bool) -> None:
    """Print what was made of a photo and what was measured, for people or as one JSON object."""
    report = outcome.report
    if as_json:
        print(json.dumps(report), flush=True)
        return
    print(f"{outcome.photo}: {report['note']}")
    for entry in report["faces"]:
        print("  " + ", ".join(f"{key} {value}" for key, value in entry.items()))
    print("\n".join(f"  {path}" for path in report["files"]), flush=True)
