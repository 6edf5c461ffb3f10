"""Label the training faces: ``python -m dpi_core.training.landmark_labels --data FACES --yunet FILE --out points.csv``.

YuNet's points move by several percent of the eye distance when a photograph is shifted by some pixels, and each view
errs its own way. So every photograph is shown to it in many views, and ``label = mean_v  M_v^-1 p_v`` over the views v
that agree; M_v is the view's similarity. The set of views is its own mirror image, so the labels of a mirrored
photograph are the mirrored labels.
"""

import argparse
import csv
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from dpi_core.errors import DPIError
from dpi_core.faces import yunet
from dpi_core.faces.align import invert, transform
from dpi_core.faces.landmark_net import POINTS, SWAPPED
from dpi_core.faces.templates import TIGHT_200
from dpi_core.training.data import decode, held_out_names, read_encoded

VIEWS, HELD_OUT_VIEWS = 16, 48  # the held-out labels measure others, so they get less noise
# Sides of the photograph and of the view around it, in pixels: YuNet is steadiest on faces about 60 pixels wide; one
# pair of views in six shows it the detail of a large face.
SMALL, LARGE = ((68.0, 94.0), 128), ((150.0, 180.0), 224)
LARGE_EVERY = 6
MAX_TURN = 8.0  # degrees
SHIFT = 32.0  # pixels: the coarsest step of YuNet's grids, so the shifts cover every position in a cell
MAX_DISTANCE = 0.35  # of a face's points from where an aligned face has them, mean in eye distances
AGREE = 0.2  # of a view with the median of all, mean over the points in eye distances
FILLS = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101)
MIN_SCORE = 0.5
CHECKED = 200  # held-out faces on which two sets of views are compared
HEADER = [
    "name",
    "shard",
    *(f"{p}_{c}" for p in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right") for c in "xy"),
    "score",
]

# An RGB view (H,W,3) uint8 -> points (n,5,2) in its pixels and scores (n,) of the faces found in it.
Detector = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def read_points(path: Path) -> dict[str, np.ndarray]:
    """File name -> points (5,2) in pixels, from a points file."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {row[0]: np.array(row[2:12], np.float64).reshape(POINTS, 2) for row in rows}


def load_faces(source: Path, points_file: Path) -> tuple[list[np.ndarray], list[np.ndarray], list[str]]:
    """All labelled faces decoded (uint8), their points and their names, in the order of the names."""
    images, points = read_encoded(source), read_points(points_file)
    names = sorted(name for name in images if name in points)
    return [np.asarray(decode(images[name])) for name in names], [points[name] for name in names], names


@dataclass(frozen=True)
class View:
    """One way to show a square photograph: `matrix` (2,3) takes its pixels to those of a square of `size`."""

    matrix: np.ndarray
    size: int
    mirrored: bool
    fill: int


@dataclass(frozen=True)
class Label:
    """Five points (5,2) in the photograph, the mean score, and how far a single view lies from them (% of the eyes)."""

    points: np.ndarray
    score: float
    spread: float


def views_of(side: int, count: int = VIEWS, skip: int = 0) -> list[View]:
    """`count` views (rounded up to even) of a photograph of `side` pixels; another `skip` gives other views.

    Shifts, sizes and turns follow an additive recurrence, which covers their ranges more evenly than chance.
    """
    golden = 1.1673039782614187  # the root of x^5 = x + 1: the steps of the recurrence in four dimensions
    steps = np.array([golden**-k for k in range(1, 5)])
    views = []
    for index in range(skip, skip + (count + 1) // 2):
        u = (0.5 + steps * (index + 1)) % 1.0
        (least, most), size = LARGE if index % LARGE_EVERY == LARGE_EVERY - 1 else SMALL
        scale = least * (most / least) ** u[2] / side
        turn = np.radians(MAX_TURN * (2 * u[3] - 1))
        linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        shift = (size - 1) / 2 + SHIFT * (u[:2] - 0.5)
        upright = np.hstack([linear, (shift - linear @ np.full(2, (side - 1) / 2))[:, None]])
        fill = FILLS[(index + index // LARGE_EVERY) % len(FILLS)]
        views += [View(upright, size, False, fill), View(_of_the_mirrored(upright, side), size, True, fill)]
    return views


def _of_the_mirrored(matrix: np.ndarray, side: int) -> np.ndarray:
    """The view that shows the mirrored photograph as `matrix` shows the photograph."""
    return np.hstack([matrix[:, :1] * -1, matrix[:, 1:2], matrix[:, 2:] + matrix[:, :1] * (side - 1)])


def shown(photo: np.ndarray, view: View) -> np.ndarray:
    """A square photograph (S,S,3) uint8 as a view of it, (size,size,3) uint8, anti-aliased."""
    matrix = view.matrix
    side = photo.shape[0]
    small = round(side * float(np.hypot(matrix[0, 0], matrix[1, 0])))
    if small < side:
        photo = cv2.resize(photo, (small, small), interpolation=cv2.INTER_AREA)
        matrix = matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ np.full(2, 0.5 * side / small - 0.5)
        matrix[:, :2] *= side / small
    return cv2.warpAffine(
        photo,
        matrix,
        (view.size, view.size),
        flags=cv2.INTER_LINEAR,
        borderMode=view.fill,
        borderValue=(128, 128, 128),
    )


def consensus(photo: np.ndarray, detector: Detector, views: list[View]) -> Label | None:
    """The five points on which a detector's views of an aligned photograph (S,S,3) uint8 agree.

    None when fewer than half of the views show a face there.
    """
    expected = TIGHT_200.resized(photo.shape[0]).array()
    eyes = float(np.linalg.norm(expected[1] - expected[0]))
    found, scores = [], []
    for view in views:
        points, confidences = detector(shown(photo, view))
        if len(points) == 0:
            continue
        back = transform(points.reshape(-1, 2), invert(view.matrix)).reshape(-1, 5, 2)
        back = back[:, SWAPPED] if view.mirrored else back
        distances = np.linalg.norm(back - expected, axis=2).mean(axis=1)
        nearest = int(distances.argmin())
        if distances[nearest] < MAX_DISTANCE * eyes:
            found.append(back[nearest])
            scores.append(float(confidences[nearest]))
    if 2 * len(found) < len(views):
        return None
    points = np.stack(found)
    apart = np.linalg.norm(points - np.median(points, axis=0), axis=2).mean(axis=1)
    agreeing = points[apart <= max(AGREE * eyes, float(np.median(apart)))]
    label = agreeing.mean(axis=0)
    spread = np.linalg.norm(agreeing - label, axis=2).mean() / np.linalg.norm(label[1] - label[0]) * 100
    return Label(label, float(np.mean(scores)), float(spread))


def yunet_detector(path: Path) -> Detector:
    """YuNet with the weights at `path`, one copy for each size of view: to change a network's size takes it time."""
    networks: dict[tuple[int, int], cv2.FaceDetectorYN] = {}

    def detect(view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = (view.shape[1], view.shape[0])
        if size not in networks:
            networks[size] = cv2.FaceDetectorYN.create(str(path), "", size, MIN_SCORE, 0.3, 50)
        rows = networks[size].detect(np.ascontiguousarray(view[..., ::-1]))[1]
        if rows is None:
            return np.zeros((0, 5, 2)), np.zeros(0)
        return rows[:, 4:14].reshape(-1, 5, 2).astype(np.float64), rows[:, 14]

    return detect


def shards_of(source: Path) -> dict[str, str]:
    """File name -> the tar shard it lies in, for the files that lie in one."""
    shards = {}
    for tar in [source] if source.suffix == ".tar" else sorted(source.glob("*.tar")):
        with tarfile.open(tar) as archive:
            shards.update({Path(name).name: tar.name for name in archive.getnames()})
    return shards


def disagreement(photos: list[np.ndarray], detector: Detector, count: int = VIEWS) -> float:
    """Mean distance between the labels from two sets of `count` views that share none, in % of the eye distance."""
    apart = []
    for photo in photos:
        side = photo.shape[0]
        one, other = (consensus(photo, detector, views_of(side, count, skip)) for skip in (0, (count + 1) // 2))
        if one and other:
            apart.append(distance(one.points, other.points))
    return float(np.mean(apart))


def distance(points: np.ndarray, others: np.ndarray) -> float:
    """Mean distance of five points (5,2) from five others, in % of the eye distance of the others."""
    return float(np.linalg.norm(points - others, axis=1).mean() / np.linalg.norm(others[1] - others[0]) * 100)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces, or of .tar shards")
    parser.add_argument("--yunet", type=Path, help="YuNet's file (default: the one in the cache folder)")
    parser.add_argument("--out", type=Path, required=True, help="the points file to write")
    parser.add_argument("--views", type=int, default=VIEWS, help=f"of each photograph (default {VIEWS})")
    parser.add_argument("--held-out-views", type=int, default=HELD_OUT_VIEWS, help=f"default {HELD_OUT_VIEWS}")
    args = parser.parse_args(argv)
    path = args.yunet or yunet.weights()
    if path is None or not path.exists():
        raise DPIError(f"YuNet's file is missing ({path}); name it with --yunet.")
    detector = yunet_detector(path)
    images, shards = read_encoded(args.data), shards_of(args.data)
    held_out = held_out_names(list(images))
    labels: dict[str, Label] = {}
    for name in tqdm(sorted(images), unit=" faces"):
        photo = np.asarray(decode(images[name]))
        count = args.held_out_views if name in held_out else args.views
        label = consensus(photo, detector, views_of(photo.shape[0], count))
        if label is not None:
            labels[name] = label
    with args.out.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for name, label in labels.items():
            points = [f"{value:.2f}" for value in label.points.ravel()]
            rows.writerow([name, shards.get(name, ""), *points, f"{label.score:.2f}"])
    some = [np.asarray(decode(images[name])) for name in sorted(held_out)[:CHECKED]]
    figures = {
        "labelled": len(labels),
        "one_view": round(float(np.mean([label.spread for label in labels.values()])), 2),
        f"two_sets_of_{args.views}": round(disagreement(some, detector, args.views), 2),
        f"two_sets_of_{args.held_out_views}": round(disagreement(some, detector, args.held_out_views), 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
