"""``compare IN -o OUT``: one face with many seeds in one batch, what they differ in, and a ZIP that makes them again."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.commands.consent import ask_before_downloads
from dpi_core.commands.inputs import named_path, photos_in
from dpi_core.commands.options import SeedCount, add_run_options, request_from, restorer_from, settled
from dpi_core.commands.outputs import shortened, unused, written_whole
from dpi_core.commands.progress import fetched, restored
from dpi_core.errors import DPIError
from dpi_core.models.presets import DEFAULT_PRESET

if TYPE_CHECKING:
    from dpi_core.restore.records import Restoration

SEEDS = SeedCount(2, 16, 4)
PICK = 3


def add_compare(commands) -> None:
    """Add the subcommand to argparse's subparsers."""
    p = commands.add_parser(
        "compare",
        help="restore one face with several seeds and compare them",
        description="Writes OUT/<name>-<N>-seeds.zip: each seed's face, a contact sheet, a map of where they differ, and "
        "the settings and figures. --settings with that ZIP makes the same faces again.",
    )
    p.add_argument("input", type=named_path, metavar="IN", help="a photo")
    p.add_argument("-o", "--out", type=named_path, required=True, help="folder for the ZIP")
    p.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    p.add_argument(
        "--pick", type=int, metavar="M", help=f"name the M seeds that differ most, 2 to N; 0 = none (default {PICK})"
    )
    p.add_argument("--face", help="index of the face (0 = the largest)")
    p.add_argument(
        "--overwrite", action="store_true", help="write over a ZIP of that name instead of numbering the new one"
    )
    add_run_options(p, SEEDS)
    p.set_defaults(run=compare)


def compare(args: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    request = request_from(args, SEEDS).replaced({"background": 1})  # no photo is pasted
    if not isinstance(request.face, int):
        given = request.to_dict()["face"] if args.face is None else args.face
        raise DPIError(f"face is {given!r}; allowed is the index of one face (0 = the largest), with --face.")
    pick = pick_from(args.pick, len(request.seeds))
    if args.input.is_dir():
        raise DPIError(f"{args.input}: this is a folder; allowed is one photo.")
    (photo,) = photos_in([args.input])
    from dpi_core.restore.records import unpasted

    ask_before_downloads(args, request)
    fetched(request.prior, quiet=args.json)
    restorer = restorer_from(args, request)
    args.out.mkdir(parents=True, exist_ok=True)
    prepared = restorer.prepared(photo, request)
    request, chosen = settled(args, request, prepared, DEFAULT_PRESET)
    result = restored(restorer, unpasted(prepared), request, photo.name, quiet=args.json)
    path = args.out / f"{shortened(photo.stem)}-{len(request.seeds)}-seeds.zip"
    if not args.overwrite:
        path = unused(path)
    with written_whole(args.out, path.stem) as folder:
        figures = write_comparison(result, request.seeds, pick, folder / path.name)
    report(f"{chosen} {result.note}".strip(), result.seconds, photo, path, figures, args.json)
    return 0


def pick_from(given: int | None, number: int) -> int:
    """Tell how many of `number` seeds to name as the most different: what --pick says, or 3 where there are as many."""
    if given is None:
        return min(PICK, number)
    if given != 0 and not 2 <= given <= number:
        raise DPIError(f"pick is {given}; allowed is 2 to {number}, the number of seeds, or 0 for none.")
    return given


def write_comparison(result: "Restoration", seeds: Sequence[int], pick: int, path: Path) -> dict:
    """Write the ZIP; returns seeds, figures, diversity (in 8-bit levels), the most different seeds and the most typical one."""
    from dpi_core.measure.comparison import compare_pictures, most_different
    from dpi_core.show.bundle import write_bundle

    comparison = compare_pictures([r.image for r in result.results], seeds)
    picked = most_different(comparison.distances, pick) if pick else []
    settings = write_bundle(path, result.results, comparison, picked)
    return {name: settings[name] for name in ("seeds", "figures", "diversity", "most_different", "most_typical")}


def report(note: str, seconds: float, photo: Path, path: Path, figures: dict, as_json: bool) -> None:
    """Print what was measured and the ZIP's name, for people or as one JSON object."""
    if as_json:
        head = {"input": str(photo), "note": note, "seconds": round(seconds, 3), "files": [str(path)]}
        print(json.dumps(head | figures), flush=True)
        return
    print(f"{photo}: {note}")
    for entry in figures["figures"]:
        print("  " + ", ".join(f"{key} {value}" for key, value in entry.items()))
    most = ", ".join(map(str, figures["most_different"]))
    parts = [f"diversity {figures['diversity']} levels"] + [f"most different: {most}"] * bool(most)
    if figures["most_typical"] is not None:
        parts.append(f"most typical: {figures['most_typical']}")
    print("  " + ", ".join(parts))
    print(f"  {path}", flush=True)
