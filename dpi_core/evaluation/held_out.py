"""Faces that never trained, and what they are restored from: bicubic reductions and one blind degradation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.imaging.degradation import downscale
from dpi_core.imaging.known_degradations import DEGRADATIONS, Degrading, known_noise
from dpi_core.imaging.pixels import to_tensor
from dpi_core.method.resampling import dense_condition
from dpi_core.training.data import decode, held_out_names, ranked_names, read_encoded

TASKS = ("4", "8", "16", "blind", "medium")


@dataclass(frozen=True, eq=False)
class Task:
    """Low-resolution faces (N,3,h,w) and the dense conditions (N,3,H,W) made of them, both in [-1, 1].

    `first` is the number of the first among all held-out faces: numbers, not places in a batch, decide on seeds and draws.
    `noise_level` is what is known of the noise in the low-resolution faces, its deviation in 8-bit levels.
    """

    name: str
    low_res: Tensor
    condition: Tensor
    first: int = 0
    noise_level: float = 0.0


@dataclass(frozen=True, eq=False)
class Faces:
    """True faces (N,3,S,S) in [-1, 1] and the names of their files."""

    names: list[str]
    pixels: Tensor


def face_sets(source: Path, size: int, everything: bool = False) -> dict[str, Faces]:
    """Read the held-out faces by kind, in the order of the hash that held them out, a random mix of sources.

    Where `source` has shards named ``sharp-*.tar``, "sharp" are the photographs of them (``gen_`` faces are generated, and no
    measure of what is real) and "utk" UTKFace's among all shards, soft ones too; any other folder is one set, "faces". What is
    held out of all shards never trains, whether sharp and soft faces train together or apart. `everything`: the folder holds
    nothing but held-out faces.
    """
    tars = sorted(source.glob("sharp-*.tar"))
    sharp = {name: encoded for tar in tars for name, encoded in read_encoded(tar).items()}
    images = read_encoded(source)

    def decoded(names: Iterable[str]) -> Faces:
        ranked = ranked_names(names)
        faces = [decode(images[name]).resize((size, size), Image.Resampling.LANCZOS) for name in ranked]
        return Faces(ranked, _stacked(faces, source))

    names = list(images) if everything else held_out_names(list(images))
    if not sharp:
        return {"faces": decoded(names)}
    sets = {"sharp": decoded(name for name in names if name in sharp and not name.startswith("gen_"))}
    utk = [name for name in names if name.startswith("utk_")]
    return sets | ({"utk": decoded(utk)} if utk else {})


def held_out_faces(
    source: Path,
    size: int,
    count: int | None = None,
    everything: bool = False,
    framing: Callable[[Image.Image], Image.Image] = lambda face: face,
) -> Tensor:
    """Read the first `count` held-out faces (N,3,size,size) in [-1, 1] in the order of their names; None = all of them.

    `everything`: the folder holds nothing but held-out faces. `framing`: see `dpi_core.training.framing`.
    """
    images = read_encoded(source)
    names = sorted(images) if everything else sorted(held_out_names(list(images)))
    faces = [framing(decode(images[name])).resize((size, size), Image.Resampling.LANCZOS) for name in names[:count]]
    return _stacked(faces, source)


def _stacked(faces: list[Image.Image], source: Path) -> Tensor:
    if not faces:
        raise DPIError(
            f"{source}: none of its faces is held out, for of ten faces one is. Give more, or --all where none has trained."
        )
    return to_tensor(np.stack([np.asarray(face) for face in faces]))


def bicubic_task(true: Tensor, scale: int, first: int = 0) -> Task:
    """Reduce the faces (N,3,H,W), the first of which has number `first`, bicubically."""
    low_res = downscale(true, scale)
    return Task(f"x{scale}", low_res, dense_condition(low_res, *true.shape[2:]), first)


def task_of(name: str, true: Tensor, first: int = 0) -> Task:
    """Make the task that a command line names, one of `TASKS`; of blind ones each face has its own draw, always the same."""
    if name.isdigit():
        return bicubic_task(true, int(name), first)
    known = name if name in DEGRADATIONS else f"blind-{name}"
    return degraded_task(f"x8 {known}", true, DEGRADATIONS[known].degradation, first)


def degraded_task(name: str, true: Tensor, degradation: Degrading, first: int = 0) -> Task:
    """Put the faces (N,3,H,W), the first of which has number `first`, through a degradation, each with its number as seed."""
    pixels = ((true.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    degraded = [degradation.apply(face, np.random.default_rng(number)) for number, face in enumerate(pixels, first)]
    low_res = to_tensor(np.stack(degraded))
    return Task(name, low_res, dense_condition(low_res, *true.shape[2:]), first, known_noise(degradation))
