"""How well faces are found in whole photos: ``python -m dpi_core.evaluation.faces FOLDER --out SHEETS``.

For each detector whose weights are at hand: the faces it finds, those of YuNet's that it misses, those that YuNet does not
know (false ones, most likely), its points' distance from YuNet's (root mean square of the five, in % of the eye distance,
the mean over the faces), the time of a photo and the peak memory. Each detector runs in a process of its own, warmed up
on an empty picture, so that neither time nor memory holds another one's models. Nothing is downloaded.

With ``--out``: ``figures.json``, and ``sheet-1.jpg`` .. with the whole photos before and after restoring every face that
is not sharp already.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from dpi_core.errors import DPIError
from dpi_core.faces import Face, find_faces, five_points
from dpi_core.imaging.pictures import SUFFIXES, ImageError, read_image

if TYPE_CHECKING:
    from dpi_core.restore.restorer import Restorer

DETECTORS = ("yunet", "embedded", "face-alignment")
SAME_FACE = 0.5  # mean distance of the five points within which two finds are one face, in eye distances
TILE = 640  # the longer side of a photo on the sheet
ROWS = 4


@dataclass(frozen=True)
class Row:
    """One detector on one photo, or the totals over all.

    Attributes:
        photo, detector: their names; photo is "all" in totals.
        faces: how many it found.
        missed, false: against YuNet's faces; None without YuNet.
        error: of the points of the faces that both found, in % of the eye distance; None where there is none.
        seconds: for the photo, decoding not counted; the mean in totals.
        megabytes: the peak of the process up to this photo.
    """

    photo: str
    detector: str
    faces: int
    missed: int | None
    false: int | None
    error: float | None
    seconds: float
    megabytes: float


def available() -> dict[str, str]:
    """Each detector and why it cannot run, "" where it can."""
    from dpi_core.faces import facealign, yunet
    from dpi_core.faces.download import cache_folder

    return {
        "yunet": "" if yunet.weights() else f"{yunet.FILE.name} is not in {cache_folder()}",
        "embedded": "",
        "face-alignment": "" if facealign.ready() else f"its weights are not in {facealign.folder()}",
    }


def matches(faces: Sequence[Face], truth: Sequence[Face]) -> list[tuple[int, int, float]]:
    """Pairs (face, true face, point error in eye distances of the true one) that show one face, nearest first."""
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


def row_of(photo: str, detector: str, found: "Found", truth: Sequence[Face] | None) -> Row:
    """The figures of one detector on one photo; `truth` is what YuNet found there, or None."""
    missed = false = error = None
    if truth is not None:
        pairs = matches(found.faces, truth)
        missed, false = len(truth) - len(pairs), len(found.faces) - len(pairs)
        error = 100 * float(np.mean([pair[2] for pair in pairs])) if pairs else None
    return Row(photo, detector, len(found.faces), missed, false, error, found.seconds, found.megabytes)


def total(rows: Sequence[Row]) -> Row:
    """The sums of one detector's rows; the error is the mean over faces, the time the mean over photos."""
    known = [row for row in rows if row.missed is not None and row.false is not None]
    weights = [row.faces - (row.false or 0) for row in rows if row.error is not None]
    errors = [row.error for row in rows if row.error is not None]
    return Row(
        "all",
        rows[0].detector,
        sum(row.faces for row in rows),
        sum(row.missed or 0 for row in known) if known else None,
        sum(row.false or 0 for row in known) if known else None,
        float(np.average(errors, weights=weights)) if errors else None,
        float(np.mean([row.seconds for row in rows])),
        max(row.megabytes for row in rows),
    )


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| photo | detector | faces | missed | false | error % | seconds | peak MB |", "|---" * 8 + "|"]
    for row in rows:
        error = "-" if row.error is None else f"{row.error:.1f}"
        against = ["-" if value is None else str(value) for value in (row.missed, row.false)]
        cells = [row.photo, row.detector, str(row.faces), *against, error, f"{row.seconds:.2f}", f"{row.megabytes:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


@dataclass(frozen=True)
class Found:
    """What one detector found in one photo, the seconds it took and the peak memory of its process in MB."""

    faces: list[Face]
    seconds: float
    megabytes: float


def look(path: Path | None, detector: str) -> Found | None:
    """One detector on one photo in this process, or on an empty picture; None for a file that is no usable picture."""
    try:
        picture = read_image(path) if path is not None else Image.new("RGB", (320, 240), "gray")
    except ImageError:
        return None
    start = time.perf_counter()
    faces = find_faces(picture, detector).faces
    return Found(faces, time.perf_counter() - start, _peak_megabytes())


def _peak_megabytes() -> float:
    """Of this process since it began its program; `ru_maxrss` would hold the parent's size from before."""
    try:
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def measure(photos: Sequence[Path], detectors: Sequence[str]) -> list[Row]:
    """The rows of every detector on every photo; files that are no pictures are left out."""
    found: dict[str, dict[Path, Found]] = {}
    for detector in detectors:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            process.submit(look, None, detector).result()
            answers = {
                photo: process.submit(look, photo, detector).result()
                for photo in tqdm(photos, desc=detector, disable=None)
            }
        found[detector] = {photo: answer for photo, answer in answers.items() if answer is not None}
    truth = found.get("yunet", {})
    return [
        row_of(photo.name, detector, answer, truth[photo].faces if photo in truth else None)
        for detector, answers in found.items()
        for photo, answer in answers.items()
    ]


def before_and_after(restorer: "Restorer", photo: Path, detector: str, steps: int | None) -> Image.Image:
    """A photo beside itself with every face restored that is not sharp, and a line on them underneath."""
    from dpi_core.models.presets import PRESETS

    config = PRESETS["medium"][0].replaced({"steps": steps} if steps else {})
    before = after = read_image(photo)
    try:
        result = restorer.restore(photo, config, face="all", detector=detector)
        after, text = result.photo, f"{len(result.results)} of {len(result.preparation.faces)} faces restored"
    except DPIError as error:
        text = str(error).split(".")[0]
    scale = min(1.0, TILE / max(before.size))
    size = (round(before.width * scale), round(before.height * scale))
    tile = Image.new("RGB", (2 * TILE + 8, size[1] + 22), "white")
    for i, picture in enumerate((before, after)):
        tile.paste(picture.resize(size, Image.Resampling.LANCZOS), (i * (TILE + 8), 0))
    ImageDraw.Draw(tile).text((4, size[1] + 5), f"{photo.name}: {text}", fill="black")
    return tile


def sheets(tiles: Sequence[Image.Image]) -> list[Image.Image]:
    """The tiles under each other, `ROWS` a sheet."""
    made = []
    for start in range(0, len(tiles), ROWS):
        some = tiles[start : start + ROWS]
        sheet = Image.new("RGB", (max(t.width for t in some), sum(t.height for t in some)), "white")
        top = 0
        for tile in some:
            sheet.paste(tile, (0, top))
            top += tile.height
        made.append(sheet)
    return made


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="whole photos")
    parser.add_argument("--out", type=Path, help="folder for figures.json and the sheets")
    parser.add_argument("--detectors", nargs="+", choices=DETECTORS, default=list(DETECTORS))
    parser.add_argument("--sheet-detector", default="auto", help="the one that finds the faces of the sheet")
    parser.add_argument("--steps", type=int, help="of the sheet's restorations (default: the preset's)")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)
    photos = sorted(p for p in args.folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not photos:
        parser.error(f"{args.folder} holds no picture ({', '.join(SUFFIXES)}).")
    missing = {name: why for name, why in available().items() if why and name in args.detectors}
    usable = [name for name in DETECTORS if name in args.detectors and name not in missing]
    rows = measure(photos, usable) if usable else []
    totals = [total([row for row in rows if row.detector == name]) for name in usable if rows]
    print(table([*rows, *totals]))
    for name, why in missing.items():
        print(f"{name} was left out: {why}.")
    if args.out:
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
