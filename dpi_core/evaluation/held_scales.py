"""How well the detail that a face holds is told: ``python -m dpi_core.evaluation.held_scales --data FACES``.

Held-out faces are reduced, blurred and made noisy, enlarged again and read by `dpi_core.measure.held_detail`: one line a
damage with the fall of the spectrum before the Nyquist frequency of x4 and x8 (5 %, median, 95 %) and the scales told.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dpi_core.evaluation.held_out import face_sets
from dpi_core.imaging.degradation import Degradation
from dpi_core.imaging.pixels import to_image, to_tensor
from dpi_core.measure.held_detail import SCALES, fall, held_scale
from dpi_core.method.resampling import dense_condition

DAMAGES = {
    "none": Degradation(scale=1),
    **{f"x{scale}": Degradation(scale=scale) for scale in (2, 3, 4, 6, 8, 12, 16)},
    "x4, noise 15": Degradation(scale=4, noise=15),
    "x4, blur 2, noise 8, JPEG 60": Degradation(scale=4, blur=2, noise=8, jpeg=60),
    "x8, blur 2, noise 8, JPEG 60": Degradation(scale=8, blur=2, noise=8, jpeg=60),
    "blur 4, noise 5, JPEG 70": Degradation(scale=1, blur=4, noise=5, jpeg=70),
    "blur 8, noise 5, JPEG 70": Degradation(scale=1, blur=8, noise=5, jpeg=70),
}


def damaged(face: Tensor, damage: Degradation, number: int) -> Tensor:
    """Damage a face (3,S,S) and enlarge it again, (1,3,S,S)."""
    low_res = to_tensor(damage.apply(np.asarray(to_image(face)), np.random.default_rng(number)))
    return dense_condition(low_res, *face.shape[1:])


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces, or of .tar shards")
    parser.add_argument("--size", type=int, default=128, help="pixels a side (default 128)")
    parser.add_argument("--faces", type=int, default=100, help="how many (default 100)")
    args = parser.parse_args(argv)
    faces = next(iter(face_sets(args.data, args.size).values())).pixels[: args.faces]
    print("| damage | fall before x4's, dB | before x8's | " + " | ".join(f"told x{scale}" for scale in SCALES) + " |")
    print("|---" * (3 + len(SCALES)) + "|")
    for name, damage in DAMAGES.items():
        crops = [damaged(face, damage, number) for number, face in enumerate(faces)]
        falls = [_quantiles([fall(crop, scale) for crop in crops]) for scale in SCALES[:2]]
        told = Counter(held_scale(crop) for crop in crops)
        print(f"| {name} | " + " | ".join([*falls, *(f"{told[scale] / len(crops):.0%}" for scale in SCALES)]) + " |")


def _quantiles(values: list[float]) -> str:
    low, middle, high = torch.tensor(values).quantile(torch.tensor([0.05, 0.5, 0.95])).tolist()
    return f"{middle:.1f} ({low:.1f} .. {high:.1f})"


if __name__ == "__main__":
    main()
