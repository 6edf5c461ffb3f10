"""Train the condition corrector: ``python -m dpi_core.training.corrector --data FACES --out RUN --minutes 60``.

It learns the true face's grid h from the noisy grid c and the first condition y_init, with the mean squared error. c is
made as the sampler makes it, from a condition that is already partly corrected, ``y = y_init + l (h - y_init)``:

    forward form    c = sqrt(ab_prev) y + sqrt(1 - ab_prev) n,  n ~ N(0, I)
    sampler's form  x_t = the noised dense condition with y on its grid; eps, x0 = the prior's answer to it; then
                    FCM  c = sqrt(ab_prev) y + sqrt(1 - ab_prev) G(eps)   or   RACM  c = G(ddim_step(x0, eps))
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DModel
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from dpi_core.corrector import UNetCorrector
from dpi_core.degradation import random_degradation
from dpi_core.devices import pick_device
from dpi_core.diffusion import linear_alpha_bar
from dpi_core.masks import on_grid
from dpi_core.pixels import to_tensor
from dpi_core.priors import UNetPrior, load_prior
from dpi_core.training.data import augment, decode, endless, training_split
from dpi_core.training.loop import add_run_arguments, run_settings, train
from dpi_core.training.networks import unet_layout
from dpi_core.weights import save_unet

ARCHITECTURE = unet_layout(6, 3, (32, 64, 128, 128))
SPARSITIES, SPARSITY_WEIGHTS = (1, 2, 4, 8), torch.tensor([0.05, 0.7, 0.15, 0.1])
GAPS = (10, 20, 50, 50, 50, 100)  # t - t_prev of 100 to 10 steps; 20 steps is what people use


class DegradedFaces(Dataset[np.ndarray]):
    """Pairs (2,S,S,3) uint8 of a face and its dense condition, degraded at random."""

    def __init__(self, images: dict[str, bytes], size: int, length: int, seed: int):
        self.names, self.images, self.size, self.length, self.seed = sorted(images), images, size, length, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> np.ndarray:
        rng = np.random.default_rng((self.seed, index))
        face = augment(decode(self.images[self.names[rng.integers(len(self.names))]]), self.size, rng)
        low = random_degradation(rng).apply(face, rng)
        condition = Image.fromarray(low).resize((self.size, self.size), Image.Resampling.BICUBIC)
        return np.stack([face, np.asarray(condition)])


def noisy_grids(prior: UNetPrior | None, true: Tensor, condition: Tensor, sparsity: int) -> tuple[Tensor, Tensor]:
    """c (N,3,h,w) and t (N,) for faces and dense conditions (N,3,H,W); with a prior the sampler's form."""
    batch, device = len(true), true.device
    gap = torch.tensor(GAPS, device=device)[torch.randint(len(GAPS), (batch,), device=device)]
    t = torch.randint(1, 1000, (batch,), device=device)
    alpha_bar = (prior.alpha_bar if prior else linear_alpha_bar()).to(device, torch.float32)
    ab, ab_prev = (alpha_bar[i].view(-1, 1, 1, 1) for i in (t, (t - gap).clamp(min=0)))
    corrected = torch.rand(batch, 1, 1, 1, device=device) * (torch.rand(batch, 1, 1, 1, device=device) < 0.6)
    y_init, h = on_grid(condition, sparsity), on_grid(true, sparsity)
    y = y_init + corrected * (h - y_init)
    if prior is None:
        return ab_prev.sqrt() * y + (1 - ab_prev).sqrt() * torch.randn_like(y), t
    restored = torch.rand(batch, 1, 1, 1, device=device)  # how far the prior has come between the grid's pixels
    dense = condition + restored * (true - condition)
    on_grid(dense, sparsity).copy_(y)
    x_t = ab.sqrt() * dense + (1 - ab).sqrt() * torch.randn_like(dense)
    with torch.no_grad():
        eps = prior.predict_eps(x_t, t).float()
    x0 = ((x_t - (1 - ab).sqrt() * eps) / ab.sqrt()).clamp(-1, 1)
    eps = (x_t - ab.sqrt() * x0) / (1 - ab).sqrt()
    fcm = torch.rand(batch, 1, 1, 1, device=device) < 0.5
    base = torch.where(fcm, y, on_grid(x0, sparsity))
    return ab_prev.sqrt() * base + (1 - ab_prev).sqrt() * on_grid(eps, sparsity), t


def corrector_loss(network: nn.Module, prior: UNetPrior | None, pairs: Tensor) -> Tensor:
    """The mean squared error on the true grid for `pairs` (N,2,H,W,3) uint8, at a random sparsity."""
    true, condition = to_tensor(pairs[:, 0]), to_tensor(pairs[:, 1])
    k = SPARSITIES[int(torch.multinomial(SPARSITY_WEIGHTS, 1))]
    c, t = noisy_grids(prior, true, condition, k)
    return (UNetCorrector(network)(c, t, on_grid(condition, k)).float() - on_grid(true, k)).square().mean()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, learning_rate=4e-4, batch=16)
    parser.add_argument("--prior", default="embedded", help="the prior the corrector works with (default embedded)")
    parser.add_argument("--rollout", type=float, default=0.5, help="share of batches in the sampler's form (0 to 1)")
    args = parser.parse_args(argv)
    device = pick_device(args.device)
    settings = run_settings(args, device)

    faces, held_out = training_split(args.data)
    prior = load_prior(args.prior, args.device)
    network = UNet2DModel.from_pretrained(args.init) if args.init else UNet2DModel(**ARCHITECTURE)

    def loss_of(module: nn.Module, pairs: Tensor) -> Tensor:
        return corrector_loss(module, prior if torch.rand(()) < args.rollout else None, pairs)

    draws = max(len(faces), args.batch)  # a pass holds one batch at least
    data = endless(lambda seed: DegradedFaces(faces, prior.image_size, draws, seed), args.batch, args.workers)
    check = list((held_out or faces).values())[:8]
    train(network, loss_of, data, settings, lambda net: export(net, prior, check, args.out), args.compile)


def export(network: UNet2DModel, prior: UNetPrior, faces: list[bytes], out: Path) -> None:
    """Write the float16 safetensors (diffusers' layout) and a sheet of held-out faces restored with it."""
    from dpi_core.training.sheets import restoration_sheet

    save_unet(network, out / "corrector")
    true = [np.asarray(decode(data).resize((prior.image_size,) * 2, Image.Resampling.LANCZOS)) for data in faces]
    restoration_sheet(prior, UNetCorrector(network), to_tensor(np.stack(true))).save(out / "restored.png")


if __name__ == "__main__":
    main()
