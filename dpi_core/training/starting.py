"""The network that training of a prior starts with: a new one, or one grown from the weights of a smaller one."""

from pathlib import Path

import torch
from diffusers import UNet2DModel
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.models.prior_network import PixelHead, PriorNetwork
from dpi_core.models.priors import load_prior
from dpi_core.training.shards import has_shards
from dpi_core.training.sharpness import CLASSES

HEAD_WIDTHS = {2: 32, 4: 16}  # by unshuffle: at full size a convolution costs four times as much in twice the size
CLASS_EMBEDDING = "class_embedding.weight"


def starting_network(init: Path | None, architecture: dict, unshuffle: int) -> PriorNetwork:
    """Make a network with classes of sharpness and a head, which answers as the one in the folder `init` does.

    Args:
        init: a prior's folder; its unshuffle is `unshuffle` or half of it (`unfolded_further`). None, or shards (which the
            loop reads): a new network of `architecture` (the arguments of a `UNet2DModel`).

    Raises:
        ValueError: if the folder holds no prior, or one with another unshuffle.
    """
    sharpest = CLASSES - 1
    head = PixelHead(HEAD_WIDTHS.get(unshuffle, min(HEAD_WIDTHS.values())))
    if init is None or has_shards(init):
        unet = UNet2DModel(**architecture, num_class_embeds=CLASSES)
        torch.nn.init.zeros_(unet.class_embedding.weight)
        return PriorNetwork(unet, head, unshuffle, sharpest)
    prior = load_prior(str(init), "cpu")
    if unshuffle not in (prior.unshuffle, 2 * prior.unshuffle):
        raise DPIError(
            f"{init} sees the image through an unshuffle by {prior.unshuffle}; from it one with {prior.unshuffle} or "
            f"{2 * prior.unshuffle} can be trained, not {unshuffle}."
        )
    old: UNet2DModel = prior.unet.unet if isinstance(prior.unet, PriorNetwork) else prior.unet
    weights: dict[str, Tensor] = dict(old.state_dict())
    if unshuffle != prior.unshuffle:
        weights = unfolded_further(weights, prior.unshuffle)
    elif isinstance(prior.unet, PriorNetwork) and prior.unet.head is not None:
        head = prior.unet.head
    channels = 3 * unshuffle**2
    changes = {"in_channels": channels, "out_channels": channels, "num_class_embeds": CLASSES}
    unet = UNet2DModel.from_config({**old.config, **changes})
    weights.setdefault(CLASS_EMBEDDING, torch.zeros_like(unet.class_embedding.weight))
    unet.load_state_dict(weights)
    return PriorNetwork(unet, head, unshuffle, sharpest).requires_grad_(True)


def unfolded_further(weights: dict[str, Tensor], unshuffle: int) -> dict[str, Tensor]:
    """Turn weights of a UNet behind an unshuffle by `unshuffle` into those for twice that and images twice as large.

    It answers to the means of 2x2 pixels as the old one does to pixels, and gives each of the four the same answer.
    """
    result = dict(weights)
    result["conv_in.weight"] = _spread(weights["conv_in.weight"].transpose(0, 1), unshuffle).transpose(0, 1) / 4
    result["conv_out.weight"] = _spread(weights["conv_out.weight"], unshuffle)
    result["conv_out.bias"] = _spread(weights["conv_out.bias"], unshuffle)
    return {name: value.contiguous() for name, value in result.items()}


def _spread(value: Tensor, unshuffle: int) -> Tensor:
    """Folded channels (3 f^2, ..) given to 2x2 pixels each: (3 (2f)^2, ..)."""
    blocks = value.unflatten(0, (3, unshuffle, unshuffle))
    return blocks.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2).flatten(0, 2)
