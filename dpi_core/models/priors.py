"""Face priors: networks that name the noise in an image.

A `Prior` answers eps for x_t at timestep t. The embedded one is a diffusers `UNet2DModel` that sees the image through a
pixel-unshuffle by 2 and predicts v (Salimans & Ho 2022): ``v = sqrt(ab) eps - sqrt(1-ab) x0``, hence
``eps = sqrt(1-ab) x_t + sqrt(ab) v``. What the network's own config does not say (prediction, unshuffle, crop; the class
of the sharpest faces and the file of the head, where it has them: `dpi_core.models.prior_network`) stands beside it in
``prior.json``.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dpi_core.errors import DPIError
from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.models.devices import pick_device
from dpi_core.models.prior_network import HEAD_FILE, PriorNetwork, load_head, save_head
from dpi_core.weights.layout import FIELDS, SIDECAR, read_layout
from dpi_core.weights.obtain import prior_folder
from dpi_core.weights.unets import load_unet, save_unet


class UNetPrior:
    """A diffusers UNet as a `Prior`.

    Args:
        unet: takes (N, 3 f^2, H/f, W/f) and t, returns as many channels (or more, which are dropped) in ``.sample``.
        image_size: the H = W it was trained at, in pixels.
        prediction: "v" or "epsilon", what the network outputs.
        unshuffle: f, the pixel-unshuffle factor in front of it (1 = none).
        template: name of the alignment template whose crops it was trained on (`dpi_core.faces.templates`).

    Raises:
        ValueError: on an unknown `prediction`.
    """

    def __init__(self, unet: nn.Module, image_size: int, prediction: str, unshuffle: int, template: str):
        if prediction not in ("v", "epsilon"):
            raise DPIError(f"prediction is {prediction!r}; allowed is 'v' or 'epsilon'.")
        self.unet = unet
        self.image_size = image_size
        self.prediction = prediction
        self.unshuffle = unshuffle
        self.template = template
        self.alpha_bar = linear_alpha_bar()
        self._alpha_bar_there: Tensor | None = None

    def network_output(self, x_t: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the network's own prediction (v or eps) for `x_t` (N,3,H,W) at `t` (N,); same shape.

        `labels` (N,): the classes of a `dpi_core.models.prior_network.PriorNetwork`; None = the sharpest.
        """
        folded = F.pixel_unshuffle(x_t, self.unshuffle).contiguous(memory_format=torch.channels_last)
        answer = self.unet(folded, t) if labels is None else self.unet(folded, t, labels)
        return F.pixel_shuffle(answer.sample[:, : folded.shape[1]], self.unshuffle)

    def predict_eps(self, x_t: Tensor, t: Tensor) -> Tensor:
        """See `Prior.predict_eps`."""
        out = self.network_output(x_t, t)
        if self.prediction == "epsilon":
            return out
        there = self._alpha_bar_there
        if there is None or (there.device, there.dtype) != (x_t.device, x_t.dtype):  # copied once, not at every step
            there = self._alpha_bar_there = self.alpha_bar.to(x_t.dtype).to(x_t.device)  # MPS has no float64
        ab = there[t.to(x_t.device)].view(-1, 1, 1, 1)
        return (1 - ab).sqrt() * x_t + ab.sqrt() * out


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


def save_prior(prior: UNetPrior, folder: Path) -> None:
    """Write `prior` as float16 safetensors in diffusers' layout, with its head and sidecar, so that `load_prior` reads it."""
    network = prior.unet
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
