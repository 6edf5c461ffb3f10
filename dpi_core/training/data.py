"""Training photographs from a folder or from tar shards, as encoded bytes; the corrector's are decoded when drawn.

The held-out set is chosen by a hash of the file name, so it is the same whatever the order, the shard or the machine.
"""

import hashlib
import tarfile
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from itertools import chain, count
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dpi_core.errors import DPIError
from dpi_core.imaging.degradation import Degradation, random_degradation

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
HELD_OUT = 500
PASS = 1_000_000  # draws; with each pass the workers start anew, which a GPU would wait for


def read_encoded(source: Path) -> dict[str, bytes]:
    """Read every image under a folder and in its .tar shards (or one .tar), encoded as it is, by file name.

    Raises:
        ValueError: if there is no image.
    """
    images: dict[str, bytes] = {}
    tars = [source] if source.suffix == ".tar" else sorted(source.glob("*.tar"))
    for tar in tars:
        with tarfile.open(tar) as archive:
            for member in archive:
                handle = archive.extractfile(member) if Path(member.name).suffix.lower() in IMAGE_SUFFIXES else None
                if handle is not None:
                    images[Path(member.name).name] = handle.read()
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix.lower() in IMAGE_SUFFIXES:
                images[str(path.relative_to(source))] = path.read_bytes()
    if not images:
        raise DPIError(
            f"{source}: no images found; expected a folder of {sorted(IMAGE_SUFFIXES)} files or .tar shards."
        )
    return images


def held_out_names(names: list[str], count: int = HELD_OUT) -> set[str]:
    """Return the `count` names (at most a tenth of them) with the smallest SHA-1: the faces that never train."""
    return set(ranked_names(names)[: min(count, len(names) // 10)])


def ranked_names(names: Iterable[str]) -> list[str]:
    """Return the names from the smallest SHA-1 to the largest: the order they are held out in."""
    return sorted(names, key=lambda name: hashlib.sha1(name.encode()).hexdigest())


def training_split(source: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Split the faces of `read_encoded` into those that train and those that never do."""
    images = read_encoded(source)
    held_out = held_out_names(list(images))
    print(f"{len(images) - len(held_out)} faces train, {len(held_out)} are held out")
    return {n: images[n] for n in images if n not in held_out}, {n: images[n] for n in sorted(held_out)}


def decode(encoded: bytes) -> Image.Image:
    """Decode an image to RGB."""
    return Image.open(BytesIO(encoded)).convert("RGB")


class DegradedFaces(Dataset[np.ndarray]):
    """Pairs (2,S,S,3) uint8 of a face and its dense condition, degraded as `degradation` draws.

    `framing` changes the crop before anything else (`dpi_core.training.framing`).
    """

    def __init__(
        self,
        images: dict[str, bytes],
        size: int,
        length: int,
        seed: int,
        framing: Callable[[Image.Image], Image.Image] = lambda face: face,
        degradation: Callable[[np.random.Generator], Degradation] = random_degradation,
    ):
        self.names, self.images, self.size, self.length, self.seed = sorted(images), images, size, length, seed
        self.framing, self.degradation = framing, degradation

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> np.ndarray:
        rng = np.random.default_rng((self.seed, index))
        whole = self.framing(decode(self.images[self.names[rng.integers(len(self.names))]]))
        face = augment(whole, self.size, rng)
        low = self.degradation(rng).apply(face, rng)
        condition = Image.fromarray(low).resize((self.size, self.size), Image.Resampling.BICUBIC)
        return np.stack([face, np.asarray(condition)])


def augment(face: Image.Image, size: int, rng: np.random.Generator) -> np.ndarray:
    """Crop a face at random (at least 94 % of the side), flip and tint it at random; (size,size,3) uint8."""
    side = face.width * (rng.uniform(0.94, 1.0) if rng.random() < 0.5 else 1.0)
    left, top = rng.uniform(0, face.width - side), rng.uniform(0, face.height - side)
    small = face.resize((size, size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side))
    pixels: np.ndarray = np.asarray(small, np.float32)
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
    if rng.random() < 0.5:
        pixels = pixels * rng.uniform(0.92, 1.08, size=3) * rng.uniform(0.85, 1.1)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def batches(dataset: Dataset[np.ndarray], batch_size: int, workers: int) -> DataLoader:
    """Yield batches of a dataset of uint8 arrays, as (N,H,W,3) uint8 tensors; its items are independent of the order."""
    return DataLoader(
        dataset,
        batch_size=batch_size,
        num_workers=workers,
        drop_last=True,
        pin_memory=torch.cuda.is_available(),
    )


def endless(dataset_of: Callable[[int], Dataset[np.ndarray]], batch_size: int, workers: int) -> Iterator[Tensor]:
    """Yield batches without end: pass after pass over ``dataset_of(seed)``, each pass with a seed of its own."""
    first = int(torch.seed() % 2**31)
    return chain.from_iterable(batches(dataset_of(first + i), batch_size, workers) for i in count())
