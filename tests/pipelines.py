"""Tiny diffusers pipelines as folders, and on a hub."""

import json
from pathlib import Path

import torch
from diffusers import DDPMScheduler, UNet2DModel

from dpi_core.models.priors import UNetPrior, save_prior


def tiny_unet(**changes) -> UNet2DModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        settings = {
            "sample_size": 16,
            "layers_per_block": 1,
            "block_out_channels": (8, 8),
            "down_block_types": ("DownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "UpBlock2D"),
            "norm_num_groups": 4,
        }
        return UNet2DModel(**{**settings, **changes}).eval().requires_grad_(False)


def untrained_prior(folder: Path, side: int, unshuffle: int, template: str) -> Path:
    """Write a prior of `side` pixels with random weights; what it is asked does not depend on its skill."""
    channels = 3 * unshuffle**2
    blocks = {"block_out_channels": (16,), "down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",)}
    unet = tiny_unet(sample_size=side // unshuffle, in_channels=channels, out_channels=channels, **blocks)
    save_prior(UNetPrior(unet, side, "v", unshuffle, template), folder)
    return folder


def published(hub, folder, repo="owner/faces"):
    """Put every file of a folder on the hub."""
    for path in folder.rglob("*"):
        if path.is_file():
            hub.files[repo, path.relative_to(folder).as_posix()] = path.read_bytes()


def pipeline(folder, inside="", safe=True, scheduler=None, index=None, **changes):
    """A diffusers pipeline as a folder; its network in `inside`."""
    unet = tiny_unet(**changes)
    unet.save_pretrained(folder / inside, safe_serialization=safe)
    DDPMScheduler(**(scheduler or {})).save_pretrained(folder / ("scheduler" if inside else ""))
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "DDPMPipeline", **(index or {})}))
    return unet
