"""Train an unconditional face prior: ``python -m dpi_core.training.prior --data FACES --out RUN --minutes 120``.

v-prediction with min-SNR weighting (Hang et al. 2023): the loss on v is weighted by ``min(SNR, 5) / (SNR + 1)``. Two
thirds of the timesteps are drawn below 600, where DPI decides what one sees.
"""

import argparse
from pathlib import Path

import torch
from diffusers import UNet2DModel
from torch import Tensor, nn

from dpi_core.devices import pick_device
from dpi_core.pixels import to_tensor
from dpi_core.priors import UNetPrior, save_prior
from dpi_core.timesteps import TRAIN_TIMESTEPS
from dpi_core.training.data import AugmentedFaces, endless, training_split
from dpi_core.training.loop import add_run_arguments, run_settings, train
from dpi_core.training.networks import unet_layout
from dpi_core.training.sheets import unconditional_sheet

ARCHITECTURE = unet_layout(12, 12, (64, 96, 128, 192))
SIZE, UNSHUFFLE, MIN_SNR = 128, 2, 5.0
TEMPLATE = "tight-128"


def prior_loss(prior: UNetPrior, x0: Tensor) -> Tensor:
    """The weighted mean squared error of v for clean faces `x0` (N,3,H,W) in [-1, 1], at random timesteps."""
    detail = torch.rand(len(x0), device=x0.device) < 2 / 3
    top = torch.where(detail, 600, TRAIN_TIMESTEPS)
    t = (torch.rand(len(x0), device=x0.device) * top).long()
    ab = prior.alpha_bar.to(x0.device, torch.float32)[t].view(-1, 1, 1, 1)
    eps = torch.randn_like(x0)
    x_t = ab.sqrt() * x0 + (1 - ab).sqrt() * eps
    v = ab.sqrt() * eps - (1 - ab).sqrt() * x0
    snr = (ab / (1 - ab)).flatten()
    error = (prior.network_output(x_t, t).float() - v).square().mean(dim=(1, 2, 3))
    return (snr.clamp(max=MIN_SNR) / (snr + 1) * error).mean()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, learning_rate=4e-4, batch=16)
    args = parser.parse_args(argv)
    device = pick_device(args.device)
    settings = run_settings(args, device)

    faces, _ = training_split(args.data)
    network = UNet2DModel.from_pretrained(args.init) if args.init else UNet2DModel(**ARCHITECTURE)

    def loss_of(module: nn.Module, pixels: Tensor) -> Tensor:
        return prior_loss(UNetPrior(module, SIZE, "v", UNSHUFFLE, TEMPLATE), to_tensor(pixels))

    draws = max(len(faces), args.batch)  # a pass holds one batch at least
    data = endless(lambda seed: AugmentedFaces(faces, SIZE, draws, seed), args.batch, args.workers)
    train(network, loss_of, data, settings, lambda net: export(net, args.out), args.compile)


def export(network: UNet2DModel, out: Path) -> None:
    """Write the float16 safetensors (diffusers' layout) and a sheet of unconditional samples."""
    prior = UNetPrior(network, SIZE, "v", UNSHUFFLE, TEMPLATE)
    unconditional_sheet(prior, seeds=range(16)).save(out / "samples.png")
    save_prior(prior, out / "prior")


if __name__ == "__main__":
    main()
