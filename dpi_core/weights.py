"""Where weights come from: the embedded ones in ``assets/``, checked by SHA-256 before they are trusted.

Networks are diffusers `UNet2DModel` folders, float16 safetensors on disk, float32 in memory.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # torch is loaded on use: the page asks this module for files only
    import torch
    from diffusers import UNet2DModel
    from torch import nn

ASSETS = Path(__file__).resolve().parent.parent / "assets"
UNET_FILE = "diffusion_pytorch_model.safetensors"


@dataclass(frozen=True)
class EmbeddedWeights:
    """One embedded model: its file under ``assets/``, the SHA-256 of that file and the terms it may be used under."""

    file: str
    sha256: str
    licence: str


NON_COMMERCIAL = "non-commercial research (terms of the training photographs)"
EMBEDDED = {
    "prior": EmbeddedWeights(
        f"prior/{UNET_FILE}", "b2fdb02e68db0b090bce685504a48d965a5bf43f78104bf85f4422118c049935", NON_COMMERCIAL
    ),
    "corrector": EmbeddedWeights(
        f"corrector/{UNET_FILE}", "8757aa40120bcb561208eec1a50221db92d0d92265e5c6cfa0024d4f113744b4", NON_COMMERCIAL
    ),
    "landmarks": EmbeddedWeights(
        "landmarks/landmarks.safetensors",
        "e7cfced5e9851291dd480f31c7e84434c8bbc0b82c1cd88ab845fd2a8c3bf78a",
        NON_COMMERCIAL,
    ),
}


@cache
def embedded_file(name: str) -> Path:
    """The file of the embedded model `name`, after its SHA-256 was found right.

    Raises:
        ValueError: if the file is missing or is not the one this version ships.
    """
    spec = EMBEDDED[name]
    path = ASSETS / spec.file
    if not path.exists():
        raise ValueError(f"The embedded {name} is missing: {path}. Get the project again, with its assets folder.")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != spec.sha256:
        raise ValueError(
            f"The embedded {name} is damaged: {path} has SHA-256 {found[:12]}.., expected {spec.sha256[:12]}.."
        )
    return path


def embedded_folder(name: str) -> Path:
    """The folder of an embedded network, checked like `embedded_file`."""
    return embedded_file(name).parent


def load_unet(folder: Path, device: "torch.device") -> "UNet2DModel":
    """A diffusers UNet2DModel from a local folder, float32, channels_last, ready for inference; never a pickle.

    Raises:
        ValueError: if the folder does not hold one.
    """
    import torch
    from diffusers import UNet2DModel

    try:
        unet = UNet2DModel.from_pretrained(
            folder, torch_dtype=torch.float32, use_safetensors=True, local_files_only=True, low_cpu_mem_usage=False
        )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ValueError(f"{folder}: no diffusers UNet2DModel with safetensors weights ({error}).") from error
    unet.to(device, memory_format=torch.channels_last)
    return unet.eval().requires_grad_(False)


def save_unet(unet: "nn.Module", folder: Path) -> None:
    """Write a UNet2DModel as float16 safetensors in diffusers' layout, leaving `unet` as it is."""
    from diffusers import UNet2DModel

    half = UNet2DModel.from_config(unet.config)
    half.load_state_dict(unet.state_dict())
    half.half().save_pretrained(folder, safe_serialization=True)
