"""``detect IN...``: the faces of photos as JSON, one object a photo."""

import argparse
import json
from functools import partial
from pathlib import Path

from dpi_core.commands.batch import conclude, outcome_of
from dpi_core.commands.inputs import named_path, photos_in


def add_detect(commands) -> None:
    """Add the subcommand to argparse's subparsers."""
    p = commands.add_parser(
        "detect",
        help="list the faces of photos as JSON",
        description="One JSON object a photo. size: pixels of the photo that the side of the face's aligned crop spans; "
        "sharp: larger and finer in the photo than the embedded prior would make it.",
    )
    p.add_argument("inputs", nargs="+", type=named_path, metavar="IN")
    p.add_argument("--detector", default="auto", help="auto, face-alignment, yunet or embedded")
    p.set_defaults(run=detect)


def detect(args: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    from dpi_core.faces import find_faces, is_sharp, span
    from dpi_core.imaging.photo import read_photo

    def found_in(photo: Path) -> dict:
        read = read_photo(photo)
        search = find_faces(read.rgb, args.detector)
        faces = [
            {
                "box": [round(float(v), 2) for v in f.box],
                "points": f.points.round(2).tolist(),
                "score": round(float(f.score), 4),
                "size": round(span(f), 1),
                "sharp": is_sharp(read.rgb, f),
            }
            for f in search.faces
        ]
        note = " ".join(filter(None, [search.note, *read.notes]))
        return {"detector": search.detector_used, "note": note, "faces": faces}

    photos = photos_in(args.inputs)
    outcomes = (outcome_of(photo, partial(found_in, photo)) for photo in photos)
    return conclude(outcomes, len(photos), lambda outcome: print(json.dumps(outcome.report), flush=True))
