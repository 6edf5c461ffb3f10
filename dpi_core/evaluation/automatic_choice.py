"""How often Auto is right about its input: ``python -m dpi_core.evaluation.automatic_choice --data FACES``.

Held-out faces, reduced and damaged in ways that are known, as small as a photo shows them: a line for each tells how many
pixels of detail they are said to hold, and how many are said to be undamaged, compressed or noisy
(`dpi_core.measure.input_damage`), or softer than their size (`dpi_core.faces.choose.is_soft`).
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from torch import Tensor

from dpi_core.commands.console import in_a_sentence
from dpi_core.evaluation.held_out import face_sets
from dpi_core.faces.choose import is_soft
from dpi_core.imaging.degradation import Degradation
from dpi_core.imaging.pixels import to_image, to_tensor
from dpi_core.measure.input_damage import damage_of
from dpi_core.method.resampling import dense_condition
from dpi_core.restore.prepare import held_copy

KNOWN = {
    "x1": Degradation(scale=1),
    "x1, JPEG 60": Degradation(scale=1, jpeg=60),
    "x1.4": Degradation(scale=1.4),
    "x2": Degradation(scale=2),
    "x4": Degradation(scale=4),
    "x8": Degradation(scale=8),
    "x16": Degradation(scale=16),
    "x4, JPEG 80": Degradation(scale=4, jpeg=80),
    "x4, JPEG 40": Degradation(scale=4, jpeg=40),
    "x4, noise 12": Degradation(scale=4, noise=12),
    "x4, blur 1, noise 4, JPEG 80": Degradation(scale=4, blur=1, noise=4, jpeg=80),
    "x8, noise 8": Degradation(scale=8, noise=8),
    "x8, blur 2, noise 8, JPEG 60": Degradation(scale=8, blur=2, noise=8, jpeg=60),
    "x8, blur 3, noise 15, JPEG 40": Degradation(scale=8, blur=3, noise=15, jpeg=40),
    "x16, JPEG 60": Degradation(scale=16, jpeg=60),
    "x1, blur 3": Degradation(scale=1, blur=3),
    "x1.25, blur 2, noise 6, JPEG 45": Degradation(scale=1.25, blur=2, noise=6, jpeg=45),
    "x2, blur 2, noise 4, JPEG 70": Degradation(scale=2, blur=2, noise=4, jpeg=70),
}


def told(face: Tensor, degradation: Degradation, number: int) -> tuple[int, str]:
    """Say what is told of a face (3,S,S) once it is degraded and enlarged again: pixels of detail a side, and its damage."""
    small = to_tensor(degradation.apply(np.asarray(to_image(face)), np.random.default_rng(number)))
    crop = dense_condition(small, *face.shape[1:])
    soft = is_soft(np.asarray(to_image(crop[0])), small.shape[-1])
    held = held_copy(crop, small.shape[-1], soft)
    return held.shape[-1], "soft" if soft else damage_of(held, crop.shape[-1] // held.shape[-1])


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces, or of .tar shards")
    parser.add_argument("--faces", type=int, default=100, help="how many held-out faces (default 100)")
    args = parser.parse_args(argv)
    faces = next(iter(face_sets(args.data, 128).values())).pixels[: args.faces]
    print(f"{len(faces)} faces\n\n| input | pixels of detail | damage |\n|---|---|---|")
    for name, degradation in KNOWN.items():
        found = [told(face, degradation, number) for number, face in enumerate(faces)]
        held, damage = (Counter(column) for column in zip(*found, strict=True))
        cells = [", ".join(f"{key} {count}" for key, count in part.most_common()) for part in (held, damage)]
        print(f"| {name} | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    main()
