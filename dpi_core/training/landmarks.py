"""Train the landmark network: ``python -m dpi_core.training.landmarks --data FACES --out RUN --minutes 15``.

FACES holds tar shards of aligned faces, and ``landmarks.csv`` unless --points names another file: five points of each
in its pixels, best those of `landmark_labels`. A positive is a face under a random similarity, blurred, shrunk to as
little as 8 pixels, noisy; a negative is a texture or part of a face.
Loss: smooth L1 on the points, in units of the eye distance, and focal cross-entropy on the score.
"""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

from dpi_core.faces.landmark_net import CROP_SIZE, POINTS, LandmarkNet, to_input
from dpi_core.models.devices import pick_device
from dpi_core.training.data import PASS, endless, held_out_names
from dpi_core.training.landmark_crops import (
    false_hits,
    negative_crop,
    non_face_pictures,
    positive_crop,
)
from dpi_core.training.landmark_figures import measure
from dpi_core.training.landmark_labels import load_faces
from dpi_core.training.loop import Averages, add_run_arguments, run_settings, train
from dpi_core.training.shards import has_shards

PIXELS = CROP_SIZE * CROP_SIZE * 3
POSITIVES = 0.62
POINT_WEIGHT = 4.0


@dataclass(frozen=True)
class Material:
    """What crops are made of: faces with their points, pictures without a face and the cascade's false hits in them."""

    faces: list[np.ndarray]
    points: list[np.ndarray]
    pictures: list[np.ndarray]
    hits: list[np.ndarray]


class LandmarkCrops(Dataset[np.ndarray]):
    """Random crops, each one row of float32: the pixels' levels, the points in crop pixels, 1 for a face or 0."""

    def __init__(self, material: Material, length: int, seed: int):
        self.material, self.length, self.seed = material, length, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> np.ndarray:
        rng = np.random.default_rng((self.seed, index))
        m = self.material
        chosen = int(rng.integers(len(m.faces)))
        picture = m.pictures[rng.integers(len(m.pictures))]
        if rng.random() < POSITIVES:
            crop, points = positive_crop(m.faces[chosen], m.points[chosen], picture, rng)
            return np.concatenate([crop.ravel(), points.ravel(), [1.0]]).astype(np.float32)
        hit = m.hits[rng.integers(len(m.hits))] if m.hits else None
        crop = negative_crop(m.faces[chosen], picture, rng, hit)
        return np.concatenate([crop.ravel(), np.zeros(2 * POINTS + 1)]).astype(np.float32)


def landmark_loss(network: nn.Module, rows: Tensor) -> Tensor:
    """Points of the faces (smooth L1 in eye distances) plus the score of all (focal, gamma 1.5)."""
    points, face = rows[:, PIXELS:-1].view(-1, POINTS, 2), rows[:, -1]
    found, logits = network(to_input(rows[:, :PIXELS].view(-1, CROP_SIZE, CROP_SIZE, 3)))
    eyes = (points[:, 1] - points[:, 0]).norm(dim=1).clamp(min=1.0).view(-1, 1, 1)
    error = ((found + 1) * (CROP_SIZE / 2) - 0.5 - points) / eyes
    distance = F.smooth_l1_loss(error, torch.zeros_like(error), beta=0.04, reduction="none").mean(dim=(1, 2))
    located = (distance * face).sum() / face.sum().clamp(min=1)
    entropy = F.binary_cross_entropy_with_logits(logits, face, reduction="none")
    focus = (1 - torch.exp(-entropy)) ** 1.5
    return POINT_WEIGHT * located + (focus * entropy).mean()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, learning_rate=2e-3, batch=96, half_lives=(66_000,))
    parser.add_argument("--points", type=Path, help="points file (default: landmarks.csv in --data)")
    parser.add_argument("--textures", type=Path, nargs="*", default=[], help="more pictures without faces")
    parser.add_argument("--limit", type=int, help="use only so many faces (for a trial)")
    args = parser.parse_args(argv)
    device = pick_device(args.device)
    settings = replace(run_settings(args, device), save_minutes=1.5)

    faces, points, names = load_faces(args.data, args.points or args.data / "landmarks.csv")
    held_out = held_out_names(names)
    kept = [i for i, name in enumerate(names) if name not in held_out][: args.limit]
    print(f"{len(kept)} faces train, {len(held_out)} are held out")
    pictures = non_face_pictures(args.textures)
    hits = false_hits(pictures)
    print(f"{len(pictures)} pictures without a face, {len(hits)} false hits of the cascade in them")
    material = Material([faces[i] for i in kept], [points[i] for i in kept], pictures, hits)
    network = LandmarkNet()
    if args.init and not has_shards(args.init):
        from safetensors.torch import load_file

        network.load_state_dict({k: v.float() for k, v in load_file(args.init).items()}, strict=False)

    data = endless(lambda seed: LandmarkCrops(material, PASS, seed), args.batch, args.workers)
    test = [i for i, name in enumerate(names) if name in held_out]

    def write(averages: Averages) -> None:
        for suffix, module in averages.items():
            export(module, args.out / f"landmarks{suffix}.safetensors")

    averages = train(network, landmark_loss, data, settings, write, args.compile)
    for suffix, module in averages.items():
        assert isinstance(module, LandmarkNet)
        figures = measure(module, [faces[i] for i in test], [points[i] for i in test], pictures)
        (args.out / f"landmarks{suffix}.json").write_text(json.dumps(figures, indent=1) + "\n")
        print(json.dumps(figures))


def export(network: nn.Module, path: Path) -> None:
    """Write the network as float16 safetensors."""
    from safetensors.torch import save_file

    state = {name: value.detach().cpu() for name, value in network.state_dict().items() if value.is_floating_point()}
    save_file({name: value.half().contiguous() for name, value in state.items()}, path)


if __name__ == "__main__":
    main()
