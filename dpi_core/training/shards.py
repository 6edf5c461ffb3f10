"""Weights in files of a few megabytes, float16, so that they travel where large files do not."""

from pathlib import Path

import torch
from torch import Tensor

from dpi_core.errors import DPIError

LIMIT, NAMES = 16 * 2**20, 2**18  # bytes of a file, and of those kept free for what it says of its tensors
PATTERN = "shard-{:02}.safetensors"


def write_shards(parts: dict[str, dict[str, Tensor]], folder: Path) -> None:
    """Write named `state_dict`s ("network", "average-5000"); a file holds at most 16 MiB, or a single tensor."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(PATTERN.format(0).replace("00", "*")):
        old.unlink()
    files: list[dict[str, Tensor]] = [{}]
    room = LIMIT - NAMES
    for part, state in parts.items():
        for name, value in state.items():
            half = value.detach().cpu()
            half = (half.half() if half.is_floating_point() else half).contiguous()
            if files[-1] and half.nbytes > room:
                files.append({})
                room = LIMIT - NAMES
            files[-1][f"{part}/{name}"] = half
            room -= half.nbytes
    for number, tensors in enumerate(files):
        save_file(tensors, folder / PATTERN.format(number))


def has_shards(folder: Path) -> bool:
    """Tell whether a folder was written by `write_shards`."""
    return (folder / PATTERN.format(0)).exists()


def read_shards(folder: Path) -> dict[str, dict[str, Tensor]]:
    """Read what `write_shards` was given, in float32.

    Raises:
        ValueError: if there are none.
    """
    from safetensors.torch import load_file

    if not has_shards(folder):
        raise DPIError(f"{folder}: no shards of weights; expected {PATTERN.format(0)} and further ones.")
    parts: dict[str, dict[str, Tensor]] = {}
    for path in sorted(folder.glob(PATTERN.format(0).replace("00", "*"))):
        for name, value in load_file(path).items():
            part, _, inner = name.partition("/")
            parts.setdefault(part, {})[inner] = value.float() if value.dtype == torch.float16 else value
    return parts
