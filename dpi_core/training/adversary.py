"""A discriminator in training, beside what it judges (R3GAN, Huang et al. 2024)."""

import torch
from torch import Tensor, nn

from dpi_core.training.discriminator import PatchDiscriminator, adversarial_loss, gradient_penalty

PENALTY = 0.005  # half of it each on real and estimated faces
WINDOW = 64  # pixels a side that the discriminator looks at, each time elsewhere
EVERY = 4  # steps between penalties, which count as much more (Karras et al. 2020)
RATE, BETAS = 4e-4, (0.0, 0.99)


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
