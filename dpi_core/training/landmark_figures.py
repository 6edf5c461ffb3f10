"""The figures of the landmark network's card: ``python -m dpi_core.training.landmark_figures --data FACES``.

An error is ``mean_k |found_k - label_k| / |label_2 - label_1|`` over the five points of a held-out face, found as the
detector finds them: from a random proposal, then twice in the frame that the network's own points ask for. A false hit is
one of the cascade's where no face is, looked at in the same way; it is kept when its score reaches that of 98 % of the
faces. With --photos and YuNet's file the embedded detector is set against YuNet on whole photographs.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from dpi_core.errors import DPIError
from dpi_core.faces import embedded, yunet
from dpi_core.faces.face import Face, overlap
from dpi_core.faces.landmark_net import CROP_SIZE, LandmarkNet, embedded_landmark_net, frame_of, predict_points
from dpi_core.faces.proposals import cascade_squares
from dpi_core.faces.rgb import reduced, to_rgb
from dpi_core.training.data import IMAGE_SUFFIXES, held_out_names
from dpi_core.training.landmark_crops import non_face_pictures, random_box_matrix
from dpi_core.training.landmark_labels import distance, load_faces, read_points

REDUCTIONS = {"whole": 1, "x8": 8, "x16": 16}
LEAST_WIDTH = 40.0  # of YuNet's box, in pixels: the faces that the embedded detector has to find
SAME_FACE = 50.0  # percent of the eye distance between two detectors' points


def measure(
    network: LandmarkNet, faces: Sequence[np.ndarray], points: Sequence[np.ndarray], pictures: Sequence[np.ndarray]
) -> dict[str, float]:
    """Errors on `faces` (S,S,3) with `points` (5,2), in % of the eye distance, and what is kept of the false hits.

    Args:
        network: moved to the CPU.
        pictures: RGB pictures without a face, for the cascade's false hits.
    """
    network = network.cpu().eval()
    hits = np.concatenate([np.zeros(0), *(hit_scores(network, picture) for picture in pictures)])
    figures: dict[str, float] = {"false_hits": len(hits)}
    for name, reduction in REDUCTIONS.items():
        found, scores = found_again(network, faces, reduction)
        errors = [distance(one, label) for one, label in zip(found, points, strict=True)]
        least = float(np.percentile(scores, 2))
        figures[f"error_{name}"] = round(float(np.mean(errors)), 2)
        figures[f"error_{name}_p95"] = round(float(np.percentile(errors, 95)), 2)
        figures[f"score_{name}_p2"] = round(least, 3)
        figures[f"hits_kept_at_98_{name}"] = int((hits >= least).sum())
    return figures


def found_again(
    network: LandmarkNet, faces: Sequence[np.ndarray], reduction: int = 1
) -> tuple[list[np.ndarray], np.ndarray]:
    """Points (5,2) of each face, reduced by a whole factor and enlarged again, and the scores (n,)."""
    rng = np.random.default_rng(0)
    found, scores = [], []
    for face in faces:
        points, score = looked_at(network, shrunk_and_back(face, reduction), [random_box_matrix(face.shape[0], rng)])
        found.append(points[0])
        scores.append(score[0])
    return found, np.array(scores)


def looked_at(network: LandmarkNet, image: np.ndarray, matrices: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Points (n,5,2) and scores (n,) after the three looks that the detector takes at a proposal."""
    for last in (False, False, True):
        points, scores = predict_points(network, image, matrices, mirrored=last)
        matrices = [frame_of(p) for p in points]
    return points, scores


def hit_scores(network: LandmarkNet, picture: np.ndarray, faces: Sequence[Face] = ()) -> np.ndarray:
    """Scores (n,) of the cascade's hits in an RGB picture that touch none of the `faces`."""
    matrices = []
    for square in cascade_squares(picture):
        x, y, side, _ = square
        box = Face((x - side / 2, y - side / 2, x + side / 2, y + side / 2), np.zeros((5, 2)), 0.0, "embedded")
        if all(overlap(box, face) == 0 for face in faces):
            matrices.append(embedded.proposal_matrix(square, CROP_SIZE))
    return looked_at(network, picture, matrices)[1] if matrices else np.zeros(0)


def shrunk_and_back(face: np.ndarray, reduction: int) -> np.ndarray:
    """A face reduced by a whole factor and enlarged again, the same size."""
    if reduction == 1:
        return face
    side = face.shape[0] // reduction
    small = Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((face.shape[1], face.shape[0]), Image.Resampling.BICUBIC))


def against_yunet(folder: Path, path: Path) -> dict[str, float]:
    """The embedded detector and YuNet (weights at `path`) on the photographs of a folder."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    expected = found = false = 0
    apart: list[float] = []
    weakest = 1.0
    hits = [np.zeros(0)]
    for file in files:
        image = to_rgb(Image.open(file))
        theirs, ours = yunet.detect(image, path), embedded.detect(image)
        for face in theirs:
            nearest, score = min(
                ((distance(other.points, face.points), other.score) for other in ours), default=(np.inf, 0.0)
            )
            if face.box[2] - face.box[0] > LEAST_WIDTH:
                expected += 1
                found += nearest < SAME_FACE
                if nearest < SAME_FACE:
                    apart.append(nearest)
                    weakest = min(weakest, score)
        false += sum(all(distance(face.points, other.points) >= SAME_FACE for other in theirs) for face in ours)
        small, ratio = reduced(image, embedded.MAX_SIDE)
        hits.append(hit_scores(embedded_landmark_net(), small, [embedded.scaled(face, 1 / ratio) for face in theirs]))
    scores = np.concatenate(hits)
    return {
        "photos": len(files),
        "yunet_faces": expected,
        "found": found,
        "false_faces": false,
        "weakest_score": round(weakest, 3),
        "distance_from_yunet": round(float(np.mean(apart)), 2) if apart else float("nan"),
        "cascade_hits_off_faces": len(scores),
        "hits_kept_by_the_score": int((scores >= embedded.SCORE).sum()),
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces and landmarks.csv")
    parser.add_argument("--points", type=Path, help="points file to measure against (default: landmarks.csv in --data)")
    parser.add_argument("--photos", type=Path, help="folder of whole photographs")
    parser.add_argument("--yunet", type=Path, help="YuNet's file, for --photos (default: the one in the cache folder)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
        cv2.setNumThreads(args.threads)
    single = args.data / "landmarks.csv"
    faces, points, names = load_faces(args.data, args.points or single)
    held_out = held_out_names(names)
    test = [i for i, name in enumerate(names) if name in held_out]
    some, labels = [faces[i] for i in test], [points[i] for i in test]
    network = embedded_landmark_net()
    print(json.dumps({"held_out": len(test), **measure(network, some, labels, non_face_pictures())}, indent=1))
    if args.points and single.exists():
        others = read_points(single)
        pairs = [(i, others[names[j]]) for i, j in enumerate(test) if names[j] in others]
        found, _ = found_again(network, some)
        figures = {
            "network_from_landmarks.csv": round(float(np.mean([distance(found[i], o) for i, o in pairs])), 2),
            "points_from_landmarks.csv": round(float(np.mean([distance(labels[i], o) for i, o in pairs])), 2),
            "mean_shift_of_the_labels": np.mean([labels[i] - o for i, o in pairs], axis=0).round(2).tolist(),
        }
        print(json.dumps(figures, indent=1))
    if args.photos:
        path = args.yunet or yunet.weights()
        if path is None or not path.exists():
            raise DPIError(f"YuNet's file is missing ({path}); name it with --yunet.")
        print(json.dumps(against_yunet(args.photos, path), indent=1))


if __name__ == "__main__":
    main()
