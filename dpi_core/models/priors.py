"""Face priors: networks that name the noise in an image.

A `Prior` answers eps for x_t at timestep t. It lies in a folder in diffusers' layout; what the network's own config does not
say stands beside it in ``prior.json``: prediction, unshuffle, crop; the class of the sharpest faces and the file of the head,
where it has them (`dpi_core.models.prior_network`); or, where it draws the octave above another prior, that one's name and
the deviation of what it draws (`dpi_core.models.octave_prior`).
"""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.errors import DPIError
from dpi_core.models.devices import pick_device
from dpi_core.models.octave_prior import CHANNELS, OctavePrior
from dpi_core.models.prior_network import HEAD_FILE, PriorNetwork, load_head, save_head
from dpi_core.models.unet_prior import UNetPrior as UNetPrior
from dpi_core.weights.layout import FIELDS, SIDECAR, Layout, read_layout
from dpi_core.weights.obtain import prior_folder
from dpi_core.weights.unets import load_unet, save_unet

if TYPE_CHECKING:
    from diffusers import UNet2DModel

ABOVE = "above"


def load_prior(name: str = "embedded", device: str = "auto") -> UNetPrior:
    """Load a prior for inference; one from the hub is downloaded, converted and cached the first time.

    Args:
        name: "embedded", "ffhq-256", "celebahq-256", a folder in diffusers' layout (an unconditional pixel-space
            `UNet2DModel`), a guided-diffusion checkpoint, or a hub id. `dpi_core.weights.obtain.prior_folder_steps` gets
            it with progress; then this finds it cached.
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        ValueError: if the name or the device is unknown, the prior cannot be had, or it is no such network.
    """
    where = pick_device(device)
    layout = read_layout(prior_folder(name))
    unet = load_unet(layout.unet, where)
    description = dict(layout.description)
    if ABOVE in description:
        return _octave_prior(layout, unet, device)
    sharpest, head = description.pop("sharpest", None), description.pop("head", None)
    classes = unet.config.num_class_embeds or 0
    if (sharpest is None) != (classes == 0) or not 0 <= (sharpest or 0) < max(classes, 1):
        raise DPIError(f"{layout.unet / SIDECAR}: sharpest is {sharpest!r}, for a network with {classes} classes.")
    try:
        network = unet
        if sharpest is not None or head is not None:
            corrects = load_head(layout.unet / Path(head).name, where) if head else None
            network = PriorNetwork(unet, corrects, description.get("unshuffle", 1), sharpest).eval()
        prior = UNetPrior(network, **description)
    except TypeError as error:
        raise DPIError(f"{layout.unet / SIDECAR}: expected the fields {', '.join(FIELDS)}.") from error
    if unet.config.in_channels != 3 * prior.unshuffle**2:
        raise DPIError(
            f"{layout.unet}: the network takes {unet.config.in_channels} channels; with unshuffle {prior.unshuffle} it must "
            f"take {3 * prior.unshuffle**2}."
        )
    return prior


def _octave_prior(layout: Layout, unet: "UNet2DModel", device: str) -> OctavePrior:
    where, above, deviation = layout.unet / SIDECAR, layout.description[ABOVE], layout.description.get("deviation")
    if above != "embedded":
        raise DPIError(f"{where}: {ABOVE} is {above!r}; allowed is 'embedded'.")
    if not isinstance(deviation, float) or not 0 < deviation < math.inf:
        raise DPIError(f"{where}: deviation is {deviation!r}; allowed is a number above 0.")
    if (unet.config.in_channels, unet.config.out_channels) != CHANNELS:
        raise DPIError(
            f"{layout.unet}: an octave's network has {CHANNELS[0]} input and {CHANNELS[1]} output channels, this one has "
            f"{unet.config.in_channels} and {unet.config.out_channels}."
        )
    return OctavePrior(load_prior(above, device), unet, deviation)


def save_prior(prior: UNetPrior, folder: Path) -> None:
    """Write `prior` as float16 safetensors in diffusers' layout, with its head and sidecar, so that `load_prior` reads it."""
    network = prior.unet
    if isinstance(prior, OctavePrior):
        description = {"image_size": prior.image_size, "template": prior.template}
        description |= {ABOVE: "embedded", "deviation": prior.deviation}
    else:
        description = {name: getattr(prior, name) for name in FIELDS}
    if isinstance(network, PriorNetwork):
        if network.sharpest is not None:
            description["sharpest"] = network.sharpest
        if network.head is not None:
            description["head"] = HEAD_FILE
            save_head(network.head, folder / HEAD_FILE)
        network = network.unet
    save_unet(network, folder)
    (folder / SIDECAR).write_text(json.dumps(description, indent=2) + "\n")
