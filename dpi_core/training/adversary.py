"""A small discriminator of patches in training, beside what it judges, and the losses of both (R3GAN, Huang et al. 2024)."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (32, 64, 128, 128)
SLOPE = 0.2
GAIN = 8.0
PENALTY = 0.005  # half of it each on real and estimated faces
WINDOW = 64  # pixels a side that the discriminator looks at, each time elsewhere
EVERY = 4  # steps between penalties, which count as much more (Karras et al. 2020)
RATE, BETAS = 4e-4, (0.0, 0.99)


class PatchDiscriminator(nn.Module):
    """Gives every patch of images (N,3,H,W) a logit, (N,1,H/8,W/8): how real it looks. No normalisation, as R3GAN asks.

    It sees each image at full and at half size, so that both fine texture and features count, and beside it what a blur by
    3x3 pixels takes away, `GAIN` times as strong: fine detail has a hundredth of an image's energy and would be learnt last.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS):
        super().__init__()
        self.scales = nn.ModuleList(_scale(widths) for _ in range(2))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, SLOPE)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Judge; the logits of both scales side by side, (N,P)."""
        half = F.avg_pool2d(images, 2)
        logits = [scale(_with_detail(seen)).flatten(1) for scale, seen in zip(self.scales, (images, half), strict=True)]
        return torch.cat(logits, dim=1)


def _scale(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(6, widths[0], 3, padding=1), nn.LeakyReLU(SLOPE)]
    for narrow, wide in pairwise(widths):
        layers += [nn.Conv2d(narrow, wide, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        layers += [nn.Conv2d(wide, wide, 3, padding=1), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 1))


def _with_detail(images: Tensor) -> Tensor:
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return torch.cat([images, GAIN * (images - blurred)], dim=1)


def adversarial_loss(judged: Tensor, against: Tensor) -> Tensor:
    """Compute softplus(against - judged), the mean over the patches of logits (N,P): low where `judged` looks more real."""
    return F.softplus(against - judged).mean()


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Compute the mean over images of |d logits / d image|^2, of a patch: R1 on real images, R2 on generated ones.

    `logits` (N,P) were made from `images` (N,3,H,W), which require gradients.
    """
    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slope.square().sum(dim=(1, 2, 3)).mean() / logits.shape[1]


class Adversary(nn.Module):
    """A patch discriminator and its optimiser, on `device`."""

    def __init__(self, device: torch.device):
        super().__init__()
        self.discriminator = PatchDiscriminator().to(device)
        self.optimiser = torch.optim.AdamW(self.parameters(), RATE, betas=BETAS, weight_decay=0.0)
        self._judged = 0

    def judge(self, real: Tensor, made: Tensor) -> Tensor:
        """Train once on faces and estimates of them (N,3,H,W), and return the loss."""
        penalised = self._judged % EVERY == 0
        self._judged += 1
        self.requires_grad_(True)
        seen, made = (images.detach().clone().requires_grad_(penalised) for images in (real, made))
        logits, logits_made = self.discriminator(seen), self.discriminator(made)
        loss = adversarial_loss(logits, logits_made)
        total = loss
        if penalised:
            penalty = gradient_penalty(logits, seen) + gradient_penalty(logits_made, made)
            total = loss + EVERY * PENALTY / 2 * penalty
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        self.optimiser.step()
        return loss.detach()

    def fooling(self, real: Tensor, made: Tensor) -> Tensor:
        """Compute the loss of `made`, with a gradient: low where it looks more real than `real`."""
        self.requires_grad_(False)
        with torch.no_grad():
            logits = self.discriminator(real)
        return adversarial_loss(self.discriminator(made), logits)


def same_window(*images: Tensor) -> list[Tensor]:
    """Cut the same random square of `WINDOW` pixels out of images (N,3,H,W)."""
    top, left = (int(torch.randint(side - WINDOW + 1, ())) for side in images[0].shape[2:])
    return [image[:, :, top : top + WINDOW, left : left + WINDOW] for image in images]
