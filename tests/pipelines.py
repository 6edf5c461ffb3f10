"""Tiny diffusers pipelines as folders, and on a hub."""

import json

import torch
from diffusers import DDPMScheduler, UNet2DModel


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
        return UNet2DModel(**{**settings, **changes}).eval()


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
