"""The Condition Corrector (CRT): pulls the condition towards the true face's pixels while sampling goes on.

It sees the noisy grid c of the running sample, the timestep and the first condition y_init, all on the compact grid
(a k-th of the image's side), and answers ``y_init + UNet(cat(c, y_init), t)``.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from dpi_core.errors import DPIError
from dpi_core.models.devices import pick_device
from dpi_core.weights.embedded_files import embedded_folder
from dpi_core.weights.unets import load_unet


class UNetCorrector:
    """A diffusers UNet with 6 input and 3 output channels as a `Corrector`, for grids of any size from 8 pixels up."""

    MULTIPLE = 8  # three halvings inside the network

    def __init__(self, unet: nn.Module):
        self.unet = unet

    def __call__(self, noisy_grid: Tensor, t: Tensor, condition_grid: Tensor) -> Tensor:
        """See `Corrector.__call__`."""
        height, width = condition_grid.shape[2:]
        both = torch.cat([noisy_grid, condition_grid], dim=1)
        pad_h, pad_w = -height % self.MULTIPLE, -width % self.MULTIPLE
        if pad_h or pad_w:
            both = nn.functional.pad(both, (0, pad_w, 0, pad_h), mode="replicate")
        residual: Tensor = self.unet(both.contiguous(memory_format=torch.channels_last), t).sample
        return condition_grid + residual[..., :height, :width]


def load_corrector(name: str = "embedded", device: str = "auto") -> UNetCorrector:
    """Load a corrector for inference.

    Args:
        name: "embedded", or a folder with a diffusers `UNet2DModel` of 6 input and 3 output channels.
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        ValueError: if the name or the device is unknown, or the folder holds no such network.
    """
    folder = embedded_folder("corrector") if name == "embedded" else Path(name)
    if not folder.is_dir():
        raise DPIError(f"corrector is {name!r}; allowed is 'embedded' or a folder with a diffusers UNet2DModel.")
    unet = load_unet(folder, pick_device(device))
    if (unet.config.in_channels, unet.config.out_channels) != (6, 3):
        raise DPIError(
            f"{folder}: a corrector has 6 input and 3 output channels, this network has "
            f"{unet.config.in_channels} and {unet.config.out_channels}."
        )
    return UNetCorrector(unet)
