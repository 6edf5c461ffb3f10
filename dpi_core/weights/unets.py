"""Networks on disk: folders in diffusers' layout, a config beside safetensors; float32 in memory, never a pickle."""

from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.errors import DPIError

if TYPE_CHECKING:  # torch is loaded on use: the page asks this package for files only
    import torch
    from diffusers import UNet2DModel
    from torch import nn

UNET_FILE = "diffusion_pytorch_model.safetensors"


def load_unet(folder: Path, device: "torch.device") -> "UNet2DModel":
    """Load a diffusers UNet2DModel from a local folder, float32, channels_last, ready for inference; never a pickle.

    Raises:
        ValueError: if the folder does not hold one.
    """
    import torch
    from diffusers import UNet2DModel

    try:
        unet, report = UNet2DModel.from_pretrained(
            folder,
            torch_dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            low_cpu_mem_usage=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise DPIError(f"{folder}: no diffusers UNet2DModel with safetensors weights ({error}).") from error
    wrong = [*report["missing_keys"], *report["unexpected_keys"]]
    if wrong:  # diffusers only warns, and what is missing stays random
        raise DPIError(f"{folder}: {len(wrong)} weights do not fit its config.json, {wrong[0]} for one.")
    unet.to(device, memory_format=torch.channels_last)
    return unet.eval().requires_grad_(False)


def save_unet(unet: "nn.Module", folder: Path) -> None:
    """Write a UNet2DModel as float16 safetensors in diffusers' layout, leaving `unet` as it is."""
    from diffusers import UNet2DModel

    half = UNet2DModel.from_config(unet.config)
    half.load_state_dict(unet.state_dict())
    half.half().save_pretrained(folder, safe_serialization=True)
