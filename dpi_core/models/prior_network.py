"""The embedded priors' network: a UNet behind a pixel-unshuffle, told how sharp a face is, with a last look at full size.

The pixels of a block of f x f come from as many output channels of the UNet, which do not quite agree: a fine grain. So a
few convolutions at full size see the image and the answer together and correct the latter. How sharp a face is reaches
the UNet as a class (size conditioning, Podell et al. 2023): 0 = not told, then from soft to sharp. It is asked for the
sharpest unless told otherwise, so to a sampler it is unconditional.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dpi_core.errors import DPIError

if TYPE_CHECKING:
    from diffusers import UNet2DModel

HEAD_FILE = "head.safetensors"
HEAD_WIDTH = 32


class PixelHead(nn.Module):
    """Corrects an answer (N,3,H,W) to an image (N,3,H,W) at full size; a new one leaves it exactly as it is."""

    def __init__(self, width: int = HEAD_WIDTH):
        super().__init__()
        self.first = nn.Conv2d(6, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, 3, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x_t: Tensor, answer: Tensor) -> Tensor:
        """Correct the answer; returns (N,3,H,W)."""
        hidden = F.silu(self.first(torch.cat([x_t, answer], dim=1)))
        change: Tensor = self.last(F.silu(self.second(hidden)))
        return answer + change


class Answer(NamedTuple):
    """What the network says, under the name that diffusers gives it; torch.compile can trace it."""

    sample: Tensor


class PriorNetwork(nn.Module):
    """A UNet and its head as one network, called like the UNet alone.

    Args:
        unet: takes (N, 3 f^2, H/f, W/f), t and, if it has classes, ``class_labels``.
        head: None = none.
        unshuffle: f.
        sharpest: the class to ask for; None if the UNet has no classes.
    """

    def __init__(self, unet: "UNet2DModel", head: PixelHead | None, unshuffle: int, sharpest: int | None):
        super().__init__()
        self.unet = unet
        self.head = head
        self.unshuffle = unshuffle
        self.sharpest = sharpest

    @property
    def config(self) -> Any:
        """The UNet's."""
        return self.unet.config

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Answer:
        """Answer ``.sample`` (N, 3 f^2, H/f, W/f) to `x` of the same shape at `t` (N,), for classes `labels` (N,)."""
        if labels is None and self.sharpest is not None:
            labels = torch.full((len(x),), self.sharpest, device=x.device)
        answer = self.unet(x, t, class_labels=labels, return_dict=False)[0][:, : x.shape[1]]
        if self.head is not None:
            full, image = F.pixel_shuffle(answer, self.unshuffle), F.pixel_shuffle(x, self.unshuffle)
            answer = F.pixel_unshuffle(self.head(image, full.to(image)), self.unshuffle)
        return Answer(answer)


def save_head(head: PixelHead, path: Path) -> None:
    """Write a head as float16 safetensors."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.detach().half().cpu().contiguous() for name, value in head.state_dict().items()}, path)


def load_head(path: Path, device: torch.device) -> PixelHead:
    """Load a head from its file, float32, ready for inference.

    Raises:
        ValueError: if the file does not hold one.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = {name: value.float() for name, value in load_file(path).items()}
        head = PixelHead(len(state["first.weight"]))
        head.load_state_dict(state)
    except (OSError, KeyError, RuntimeError, SafetensorError) as error:
        raise DPIError(f"{path}: no head of a prior ({error}).") from error
    head.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return head.eval().requires_grad_(False)
