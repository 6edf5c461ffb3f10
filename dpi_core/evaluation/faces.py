"""How well faces are found in whole photos: ``python -m dpi_core.evaluation.faces FOLDER --out SHEETS``.

For each detector whose weights are at hand, on each photo as it is and in the quarter turns asked for (``--turns``): the
faces it finds, those of the reference that it misses, those that the reference does not know (false ones, most likely),
its points' distance from the reference (root mean square of the five, in % of the eye distance, the mean over the faces),
the time of a photo and the peak memory. The reference is what YuNet finds in the upright photo; its points are the mean
of `REFERENCE_VIEWS` other views than the detector's. It is no ground truth: a face that YuNet does not see in the upright
photo is missing from it. Each detector runs in a process of its own, warmed up on an empty picture, so that neither time
nor memory holds another one's models. Nothing is downloaded.

With ``--out``: ``figures.json``, and ``sheet-1.jpg`` .. with the whole photos before and after restoring every face that
is not sharp already.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from dpi_core.evaluation.peak_memory import peak_megabytes
from dpi_core.evaluation.report import markdown
from dpi_core.faces import Face, find_faces, five_points, yunet
from dpi_core.faces.rgb import to_rgb
from dpi_core.faces.turns import turned_back
from dpi_core.imaging.formats import SUFFIXES
from dpi_core.imaging.pictures import ImageError, read_image

DETECTORS = ("embedded", "face-alignment")
SAME_FACE = 0.5  # mean distance of the five points within which two finds are one face, in eye distances
REFERENCE_VIEWS = 24


@dataclass(frozen=True)
class Row:
    """One detector on one photo, or the totals over all.

    Attributes:
        photo, turn, detector: the names, and by how many degrees the photo was turned counterclockwise; photo is "all"
            in totals.
        faces: how many it found.
        missed, false: against the reference.
        error: of the points of the faces that both found, in % of the eye distance; None where there is none.
        seconds: for the photo, decoding not counted; the mean in totals.
        megabytes: the peak of the process up to this photo.
    """

    photo: str
    turn: int
    detector: str
    faces: int
    missed: int
    false: int
    error: float | None
    seconds: float
    megabytes: float


def available() -> dict[str, str]:
    """List the detectors, each with the reason why it cannot run, "" where it can."""
    from dpi_core.faces import facealign

    return {
        "embedded": "",
        "face-alignment": "" if facealign.ready() else f"its weights are not in {facealign.folder()}",
    }


def reference(pixels: np.ndarray) -> list[Face]:
    """Find the faces of an upright photo (H,W,3) uint8 with YuNet, each point the mean of many views."""
    # An additive recurrence covers widths and shifts more evenly than chance; the root of x^4 = x + 1 gives three of them.
    steps = np.array([1.2207440846057596**-k for k in range(1, 4)])
    u = (0.5 + steps * np.arange(1, REFERENCE_VIEWS + 1)[:, None]) % 1.0
    views = [(68.0 + 26.0 * w, 32.0 * (x - 0.5), 32.0 * (y - 0.5)) for w, x, y in u]
    return [yunet.refined(pixels, face, views) for face in yunet.detect(pixels)]


def matches(faces: Sequence[Face], truth: Sequence[Face]) -> list[tuple[int, int, float]]:
    """Pair faces with true ones: (face, true face, point error in eye distances of the true one), nearest first."""
    pairs = []
    for j, true in enumerate(truth):
        points = five_points(true)
        eyes = max(1e-9, float(np.linalg.norm(points[1] - points[0])))
        for i, face in enumerate(faces):
            offsets = np.linalg.norm(five_points(face) - points, axis=1) / eyes
            if offsets.mean() <= SAME_FACE:
                pairs.append((i, j, float(np.sqrt(np.square(offsets).mean()))))
    kept: list[tuple[int, int, float]] = []
    for pair in sorted(pairs, key=lambda pair: pair[2]):
        if all(pair[0] != other[0] and pair[1] != other[1] for other in kept):
            kept.append(pair)
    return kept


def row_of(photo: str, turn: int, detector: str, found: "Found", truth: Sequence[Face]) -> Row:
    """Compare one detector's finds on one photo with the reference."""
    pairs = matches(found.faces, truth)
    error = 100 * float(np.mean([pair[2] for pair in pairs])) if pairs else None
    missed, false = len(truth) - len(pairs), len(found.faces) - len(pairs)
    return Row(photo, turn, detector, len(found.faces), missed, false, error, found.seconds, found.megabytes)


def total(rows: Sequence[Row]) -> Row:
    """Sum one detector's rows of one turn; the error is the mean over faces, the time the mean over photos."""
    weights = [row.faces - row.false for row in rows if row.error is not None]
    errors = [row.error for row in rows if row.error is not None]
    return Row(
        "all",
        rows[0].turn,
        rows[0].detector,
        sum(row.faces for row in rows),
        sum(row.missed for row in rows),
        sum(row.false for row in rows),
        float(np.average(errors, weights=weights)) if errors else None,
        float(np.mean([row.seconds for row in rows])),
        max(row.megabytes for row in rows),
    )


def table(rows: Iterable[Row]) -> str:
    """Write the rows as a Markdown table."""
    cells = []
    for row in rows:
        error = "-" if row.error is None else f"{row.error:.1f}"
        names, counts = [row.photo, str(row.turn), row.detector], [row.faces, row.missed, row.false]
        cells.append([*names, *map(str, counts), error, f"{row.seconds:.2f}", f"{row.megabytes:.0f}"])
    head = ("photo", "turned", "detector", "faces", "missed", "false", "error %", "seconds", "peak MB")
    return markdown(head, cells)


@dataclass(frozen=True)
class Found:
    """What one detector found in one photo, in the upright photo's pixels, the seconds and its process's peak memory in MB."""

    faces: list[Face]
    seconds: float
    megabytes: float


def look(path: Path | None, quarters: int, detector: str) -> Found | None:
    """Run one detector on one photo turned by quarters, or on an empty picture; None for a file that is no picture."""
    try:
        picture = read_image(path) if path is not None else Image.new("RGB", (320, 240), "gray")
    except ImageError:
        return None
    pixels = np.rot90(to_rgb(picture), quarters)
    start = time.perf_counter()
    faces = find_faces(pixels, detector).faces
    seconds = time.perf_counter() - start
    faces = [turned_back(face, quarters, picture.width, picture.height) for face in faces]
    return Found(faces, seconds, peak_megabytes())


def measure(photos: Sequence[Path], detectors: Sequence[str], turns: Sequence[int] = (0,)) -> list[Row]:
    """Measure every detector on every photo in every turn (degrees); files that are no pictures are left out."""
    rows = []
    truth: dict[Path, list[Face]] = {}
    for detector in detectors:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            process.submit(look, None, 0, detector).result()
            for turn, photo in tqdm([(t, p) for t in turns for p in photos], desc=detector, disable=None):
                found = process.submit(look, photo, turn // 90, detector).result()
                if found is None:
                    continue
                if photo not in truth:
                    truth[photo] = reference(to_rgb(read_image(photo)))
                rows.append(row_of(photo.name, turn, detector, found, truth[photo]))
    return rows


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="whole photos")
    parser.add_argument("--out", type=Path, help="folder for figures.json and the sheets")
    parser.add_argument("--detectors", nargs="+", choices=DETECTORS, default=list(DETECTORS))
    parser.add_argument("--turns", nargs="+", type=int, choices=(0, 90, 180, 270), default=[0], help="degrees")
    parser.add_argument("--sheet-detector", default="auto", help="the one that finds the faces of the sheet")
    parser.add_argument("--steps", type=int, help="of the sheet's restorations (default: the preset's)")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)
    photos = sorted(p for p in args.folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not photos:
        parser.error(f"{args.folder} holds no picture ({', '.join(SUFFIXES)}).")
    missing = {name: why for name, why in available().items() if why and name in args.detectors}
    usable = [name for name in DETECTORS if name in args.detectors and name not in missing]
    rows = measure(photos, usable, args.turns) if usable else []
    groups = [
        [row for row in rows if (row.detector, row.turn) == (name, turn)] for name in usable for turn in args.turns
    ]
    totals = [total(group) for group in groups if group]
    print(table([*rows, *totals]))
    for name, why in missing.items():
        print(f"{name} was left out: {why}.")
    if args.out:
        from dpi_core.evaluation.face_sheets import before_and_after, sheets
        from dpi_core.restore.restorer import Restorer

        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "figures.json").write_text(json.dumps([asdict(row) for row in [*rows, *totals]], indent=1))
        restorer = Restorer(device=args.device)
        usable_photos = [photo for photo in photos if photo.name in {row.photo for row in rows}] if rows else photos
        tiles = [
            before_and_after(restorer, photo, args.sheet_detector, args.steps)
            for photo in tqdm(usable_photos, desc="restoring", disable=None)
        ]
        for i, sheet in enumerate(sheets(tiles), start=1):
            sheet.save(args.out / f"sheet-{i}.jpg", quality=92)
    return 0


if __name__ == "__main__":
    sys.exit(main())
