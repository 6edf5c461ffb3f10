"""Weights in files of a few megabytes, float16, so that they travel where large files do not."""

from pathlib import Path

import torch
from torch import Tensor

from dpi_core.errors import DPIError

LIMIT, NAMES = 16 * 2**20, 2**18  # bytes of a file, and of those kept free for what it says of its tensors
FILES = "shard{suffix}.safetensors"


def write_shards(parts: dict[str, dict[str, Tensor]], folder: Path) -> None:
    """Write named `state_dict`s ("network", "average-5000"); a file holds at most 16 MiB, or a single tensor."""
    from huggingface_hub import save_torch_state_dict

    folder.mkdir(parents=True, exist_ok=True)
    for old in _files(folder):
        old.unlink()
    tensors = {f"{part}/{name}": value.detach().cpu() for part, state in parts.items() for name, value in state.items()}
    halves = {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}
    save_torch_state_dict(halves, folder, filename_pattern=FILES, max_shard_size=LIMIT - NAMES)


def has_shards(folder: Path) -> bool:
    """Tell whether a folder was written by `write_shards`."""
    return any(_files(folder))


def read_shards(folder: Path) -> dict[str, dict[str, Tensor]]:
    """Read what `write_shards` was given, in float32.

    Raises:
        ValueError: if there are none.
    """
    from safetensors.torch import load_file

    parts: dict[str, dict[str, Tensor]] = {}
    for path in _files(folder):
        for name, value in load_file(path).items():
            part, _, inner = name.partition("/")
            parts.setdefault(part, {})[inner] = value.float() if value.dtype == torch.float16 else value
    if not parts:
        raise DPIError(f"{folder}: no shards of weights; expected {FILES.format(suffix='*')} files.")
    return parts


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(FILES.format(suffix="*")))
