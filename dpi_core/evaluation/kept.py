"""Tensors kept in files by what they were made from: a measurement that was cut off takes up what it had."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor


def kept(folder: Path, made_from: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return what `make` does, from a file in `folder` if it was made from the same before, or else made and kept there."""
    path = folder / f"{hashlib.sha256(made_from.encode()).hexdigest()[:24]}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        save_file({name: values.contiguous() for name, values in make().items()}, partial)
        partial.replace(path)
    return load_file(path)


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return 12 hex digits that tell these tensors, such as a network's `state_dict`, from others."""
    found = hashlib.sha256()
    for name, values in tensors.items():
        found.update(name.encode())
        found.update(values.detach().float().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:12]
