"""A diffusers UNet as a prior.

The embedded one is a `UNet2DModel` that sees the image through a pixel-unshuffle by 2 and predicts v (Salimans & Ho 2022):
``v = sqrt(ab) eps - sqrt(1-ab) x0``, hence ``eps = sqrt(1-ab) x_t + sqrt(ab) v``.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dpi_core.errors import DPIError
from dpi_core.method.diffusion import linear_alpha_bar


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
        ab = self.alpha_bar_at(x_t, t)
        return (1 - ab).sqrt() * x_t + ab.sqrt() * out

    def alpha_bar_at(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Look alpha_bar up at whole `t` (N,): (N,1,1,1), where `x_t` is and of its kind."""
        there = self._alpha_bar_there
        if there is None or (there.device, there.dtype) != (x_t.device, x_t.dtype):  # copied once, not at every step
            there = self._alpha_bar_there = self.alpha_bar.to(x_t.dtype).to(x_t.device)  # MPS has no float64
        return there[t.to(x_t.device)].view(-1, 1, 1, 1)
