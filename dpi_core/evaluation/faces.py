"""How well faces are found in whole photos: ``python -m dpi_core.evaluation.faces FOLDER --turns 0 90 180 270``.

For each detector whose weights are at hand and each quarter turn of the photos: the faces it finds, those of the reference
that it misses, those that the reference does not know (false ones, most likely), and the mean time of a photo. The
reference is what YuNet finds in the upright photo. It is no ground truth: a face that YuNet does not see there is missing
from it. Nothing is downloaded.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dpi_core.commands.console import in_a_sentence
from dpi_core.evaluation.report import markdown
from dpi_core.faces import Face, facealign, find_faces, five_points, yunet
from dpi_core.faces.rgb import to_rgb
from dpi_core.faces.turns import turned, turned_back
from dpi_core.imaging.formats import SUFFIXES
from dpi_core.imaging.pictures import ImageError, read_image

DETECTORS = ("embedded", "face-alignment")
SAME_FACE = 0.5  # mean distance of the five points within which two finds are one face, in eye distances


def agreed(found: Sequence[Face], truth: Sequence[Face]) -> int:
    """Count the true faces that were found, each by a face of its own."""
    left = list(truth)
    for face in found:
        near = [i for i, true in enumerate(left) if _apart(face, true) <= SAME_FACE]
        if near:
            del left[near[0]]
    return len(truth) - len(left)


def _apart(face: Face, true: Face) -> float:
    points = five_points(true)
    eyes = max(1e-9, float(np.linalg.norm(points[1] - points[0])))
    return float(np.linalg.norm(five_points(face) - points, axis=1).mean()) / eyes


def find(pixels: np.ndarray, turn: int, detector: str) -> tuple[list[Face], float]:
    """Find the faces of a photo (H,W,3) uint8 turned by `turn` degrees; in its own upright pixels, and the seconds it took."""
    quarters, (height, width) = turn // 90, pixels.shape[:2]
    image = turned(pixels, quarters)
    start = time.perf_counter()
    faces = find_faces(image, detector).faces
    seconds = time.perf_counter() - start
    return [turned_back(face, quarters, width, height) for face in faces], seconds


def table(photos: Iterable[np.ndarray], detectors: Sequence[str], turns: Sequence[int]) -> str:
    """Measure every detector on photos (H,W,3) uint8 in every turn (degrees), and write a row for each."""
    for detector in detectors:
        find(np.full((240, 320, 3), 128, np.uint8), 0, detector)  # loads it: the first photo is to take no longer
    sums = {(detector, turn): np.zeros(5) for detector in detectors for turn in turns}
    for pixels in photos:
        truth = yunet.detect(pixels)
        for (detector, turn), total in sums.items():
            found, seconds = find(pixels, turn, detector)
            same = agreed(found, truth)
            total += (1, len(found), len(truth) - same, len(found) - same, seconds)
    head = ("detector", "turned", "photos", "faces", "missed", "false", "seconds a photo")
    cells = [
        [detector, str(turn), *(f"{count:.0f}" for count in total[:-1]), f"{total[-1] / max(1, total[0]):.2f}"]
        for (detector, turn), total in sums.items()
    ]
    return markdown(head, cells)


def pictures(paths: Iterable[Path]) -> Iterator[np.ndarray]:
    """Read photos (H,W,3) uint8; of a file that is no picture it is said why."""
    for path in paths:
        try:
            yield to_rgb(read_image(path))
        except ImageError as error:
            print(error, file=sys.stderr)


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="whole photos")
    parser.add_argument("--detectors", nargs="+", choices=DETECTORS, default=list(DETECTORS))
    parser.add_argument("--turns", nargs="+", type=int, choices=(0, 90, 180, 270), default=[0], help="degrees")
    args = parser.parse_args(argv)
    paths = sorted(p for p in args.folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not paths:
        parser.error(f"{args.folder} holds no picture ({', '.join(SUFFIXES)}).")
    missing = {"face-alignment"} if not facealign.ready() else set()
    usable = [name for name in args.detectors if name not in missing]
    print(table(pictures(tqdm(paths, disable=None)), usable, args.turns))
    for name in missing.intersection(args.detectors):
        print(f"{name} was left out: its weights are not in {facealign.folder()}.")


if __name__ == "__main__":
    main()
