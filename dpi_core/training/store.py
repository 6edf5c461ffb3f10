"""Faces decoded once into one block of bytes, from which batches are drawn and augmented where the training runs.

The block is kept as an .npy file, so a run that resumes does not decode again. From which source a face is, is read from
the tables beside the shards (columns name and source), and decides how often it is drawn.
"""

import csv
import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from dpi_core.training.data import decode, held_out_names, read_encoded
from dpi_core.training.sharpness import UNTOLD, bucket, sharpness

STORED = {128: 160, 256: 272}  # pixels a side of the block, by the size that is trained
MARGIN = 1.25  # of the same for any other size
SOURCES = {"gen": 0.3, "scut": 0.7, "aaf": 0.7, "utk": 1.0, "meb": 1.5, "ffhq": 2.0}  # weight of a face of each
SOFT, NATIVE = 0.5, 4.0  # factors for faces of soft.csv, and for those as large as the block where others are enlarged
MEASURED_AT_A_TIME = 256
ZOOM = 148 / 160  # the smallest crop
GAIN = 0.05  # of the colour channels, on half of the faces
DROPPED = 0.1  # share of faces of which the sharpness is not told


@dataclass(frozen=True)
class FaceStore:
    """Faces that train.

    Attributes:
        pixels: (N,3,S,S) uint8, on the CPU mapped from the file.
        weights: (N,), how often each is drawn.
        classes: (N,), how sharp it is at the training size (`dpi_core.training.sharpness.bucket`).
        size: pixels a side to train at.
    """

    pixels: Tensor
    weights: Tensor
    classes: Tensor
    size: int

    def choices(self, count: int) -> Iterator[Tensor]:
        """Draw numbers of faces (count,) by their weights, without end; anew in every run and process."""
        torch.seed()
        while True:
            yield torch.multinomial(self.weights, count, replacement=True)

    def augmented(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Augment the faces `chosen` (N,): (N,3,size,size) in [-1, 1], at 8 bits, and their classes (N,), some of them 0."""
        faces = coloured(self.cropped(chosen))
        told = torch.rand(len(chosen), device=chosen.device) >= DROPPED
        return faces.round().div(127.5).sub(1), torch.where(told, self.classes[chosen], UNTOLD)

    def cropped(self, chosen: Tensor) -> Tensor:
        """Crop the faces `chosen` (N,) at random, all to one size, flipped at random, reduced to (N,3,size,size); 0 to 255."""
        whole, device, count = self.pixels.shape[-1], self.pixels.device, len(chosen)
        side = int(torch.randint(round(ZOOM * whole), whole + 1, ()))
        rows = starts(count, whole - side, device) + torch.arange(side, device=device)
        columns = starts(count, whole - side, device) + torch.arange(side, device=device)
        flipped = torch.rand(count, 1, device=device) < 0.5
        columns = torch.where(flipped, columns.flip(1), columns)
        channels = torch.arange(3, device=device).view(1, 3, 1, 1)
        crops = self.pixels[chosen.view(-1, 1, 1, 1), channels, rows[:, None, :, None], columns[:, None, None, :]]
        small = F.interpolate(crops.float(), (self.size,) * 2, mode="bicubic", align_corners=False, antialias=True)
        return small.clamp(0, 255)


def starts(count: int, room: int, device: torch.device) -> Tensor:
    """Draw where each crop begins, (N,1): any whole pixel that leaves it inside."""
    return torch.randint(room + 1, (count, 1), device=device)


def coloured(faces: Tensor) -> Tensor:
    """Tint half of the faces (N,3,H,W) from 0 to 255: their colour channels become a little brighter or darker."""
    shape, device = (len(faces), 3, 1, 1), faces.device
    gains = 1 + GAIN * (2 * torch.rand(shape, device=device) - 1)
    tinted = torch.rand(len(faces), 1, 1, 1, device=device) < 0.5
    return (faces * torch.where(tinted, gains, 1.0)).clamp(0, 255)


def open_store(source: Path, cache: Path, size: int, device: torch.device) -> FaceStore:
    """Open the faces of a folder that train, made at the first time and kept in the folder `cache`.

    On CUDA the pixels lie in its memory, elsewhere in the file.

    Raises:
        ValueError: if there is no image.
    """
    side = STORED.get(size, round(MARGIN * size))
    stem = f"faces-{side}-{size}-{_listing(source)}"
    block, table = cache / f"{stem}.npy", cache / f"{stem}.json"
    if not table.exists():
        table.write_text(json.dumps(_fill(source, block, side, size)))
    about = json.loads(table.read_text())
    pixels = torch.from_numpy(np.load(block, mmap_mode="c"))  # "c": torch wants to be able to write
    if device.type == "cuda":
        pixels = pixels.to(device)
    weights = torch.tensor(about["weights"], device=device)
    classes = bucket(torch.tensor(about["sharpness"], device=device), size)
    shares = [float(weights[classes == kind].sum() / weights.sum()) for kind in range(1, int(classes.max()) + 1)]
    print(f"{about['train']} faces train, {about['held_out']} are held out")
    print("drawn from soft to sharp: " + ", ".join(f"{share:.0%}" for share in shares), flush=True)
    return FaceStore(pixels, weights, classes, size)


def _fill(source: Path, block: Path, side: int, size: int) -> dict:
    """Decode the faces that train into the file `block`, and return what is known of them."""
    images = read_encoded(source)
    held_out = held_out_names(list(images))
    names = sorted(set(images) - held_out)
    weight_of = source_weights(source)
    block.parent.mkdir(parents=True, exist_ok=True)
    partial = block.with_suffix(f".{os.getpid()}.part")  # another process may be making the same
    pixels = np.lib.format.open_memmap(partial, "w+", np.uint8, (len(names), 3, side, side))
    weights: list[float] = []
    measured: list[float] = []

    def resized(name: str) -> tuple[np.ndarray, np.ndarray, float]:
        face = decode(images[name])
        native = NATIVE if face.width >= side > STORED[128] else 1.0
        return _resized(face, side), _resized(face, size), weight_of.get(name, 1.0) * native

    with ThreadPoolExecutor() as threads:  # decoding and resizing leave Python's lock
        for first in range(0, len(names), MEASURED_AT_A_TIME):
            stored, reduced, drawn = zip(*threads.map(resized, names[first : first + MEASURED_AT_A_TIME]), strict=True)
            pixels[first : first + len(stored)] = np.stack(stored)
            weights += drawn
            measured += sharpness(torch.from_numpy(np.stack(reduced))).tolist()
    pixels.flush()
    partial.replace(block)
    return {"train": len(names), "held_out": len(held_out), "weights": weights, "sharpness": measured, "names": names}


def source_weights(source: Path) -> dict[str, float]:
    """Read the weight of every face that a table in the folder names."""
    found = {}
    for table in sorted(source.glob("*.csv")) if source.is_dir() else []:
        factor = SOFT if table.stem == "soft" else 1.0
        with table.open(newline="") as file:
            for row in csv.DictReader(file):
                if "source" in row:
                    found[row["name"]] = factor * SOURCES.get(row["source"], 1.0)
    return found


def _resized(face: Image.Image, side: int) -> np.ndarray:
    """(3,side,side) uint8; reduced by Lanczos, enlarged bicubically."""
    if face.size != (side, side):
        kernel = Image.Resampling.LANCZOS if face.width > side else Image.Resampling.BICUBIC
        face = face.resize((side, side), kernel)
    return np.asarray(face).transpose(2, 0, 1)


def _listing(source: Path) -> str:
    """List what tells one folder of faces from another: names and sizes of its files."""
    files = [source] if source.is_file() else sorted(source.rglob("*"))
    text = "\n".join(f"{path.name} {path.stat().st_size}" for path in files if path.is_file())
    return hashlib.sha256(text.encode()).hexdigest()[:12]
