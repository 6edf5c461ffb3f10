"""Train an unconditional face prior: ``python -m dpi_core.training.prior --data FACES --out RUN --minutes 120``.

v-prediction with min-SNR weighting (Hang et al. 2023): the loss on v is weighted by ``min(SNR, 5) / (SNR + 1)``. Two
thirds of the timesteps are drawn below 600, where DPI decides what one sees.

A share of the faces is met as DPI's states look under a mask M, while the target stays the face x0:

    x_t = sqrt(ab) (x0 + g M (y - x0) + (1 - M) b) + sqrt(1 - ab) eps

On the grid a blurred face y takes the place of x0, with a gain g of 0 to 2.5, since at eta 0 what FCM puts on the grid
enters eps and adds up over the steps; between the grid's pixels b is a smooth error, since there the sample is still on
its way to the condition. The prior learns to believe the grid's colours and not its pattern.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import UNet2DModel
from torch import Tensor, nn

from dpi_core.degradation import dense_condition, downscale
from dpi_core.devices import pick_device
from dpi_core.masks import on_grid
from dpi_core.pixels import to_tensor
from dpi_core.priors import UNetPrior, save_prior
from dpi_core.timesteps import TRAIN_TIMESTEPS
from dpi_core.training.data import AugmentedFaces, endless, training_split
from dpi_core.training.loop import add_run_arguments, run_settings, train
from dpi_core.training.networks import unet_layout
from dpi_core.training.sheets import unconditional_sheet

ARCHITECTURE = unet_layout(12, 12, (64, 96, 128, 192))
SIZE, UNSHUFFLE, MIN_SNR = 128, 2, 5.0
MASKED_SPARSITIES, SMOOTH_CELLS, MAX_GAIN = (2, 2, 2, 3, 4), (1, 2, 4, 8, 16), 2.5
LEAST_LOW_RES = 8  # pixels a side of the smallest condition: x16
MASKED_FROM = 50  # below it the deviations of the grid, as noise, outgrow what the network can answer
TEMPLATE = "tight-128"


def prior_loss(prior: UNetPrior, x0: Tensor, masked: float = 0.0) -> Tensor:
    """The weighted mean squared error of v for clean faces `x0` (N,3,H,W) in [-1, 1], at random timesteps.

    `masked` is the share of the faces (0 to 1) that are met under a mask.
    """
    count, device = len(x0), x0.device
    detail = torch.rand(count, device=device) < 2 / 3
    top = torch.where(detail, 600, TRAIN_TIMESTEPS)
    t = (torch.rand(count, device=device) * top).long()
    ab = prior.alpha_bar.to(device, torch.float32)[t].view(-1, 1, 1, 1)
    chosen = ((torch.rand(count, device=device) < masked) & (t >= MASKED_FROM)).view(-1, 1, 1, 1)
    seen = torch.where(chosen, under_mask(x0, (1 - ab).sqrt()), x0) if masked else x0
    x_t = ab.sqrt() * seen + (1 - ab).sqrt() * torch.randn_like(x0)
    eps = (x_t - ab.sqrt() * x0) / (1 - ab).sqrt()
    v = ab.sqrt() * eps - (1 - ab).sqrt() * x0
    snr = (ab / (1 - ab)).flatten()
    error = (prior.network_output(x_t, t).float() - v).square().mean(dim=(1, 2, 3))
    return (snr.clamp(max=MIN_SNR) / (snr + 1) * error).mean()


def under_mask(x0: Tensor, sigma: Tensor) -> Tensor:
    """Faces `x0` (N,3,H,W) as DPI's states show them under a mask; `sigma` (N,1,1,1) is sqrt(1 - alpha_bar).

    The grid's pixels lie between the face and its low-resolution condition, or beyond the latter; the others are off by
    a smooth field whose standard deviation is at most half of `sigma`. That is more than runs show at low t: a prior
    trained on what they show believes the grid's colours less, and the result agrees with the input less.
    """

    def uniform() -> Tensor:
        return torch.rand(len(x0), 1, 1, 1, device=x0.device)

    k = _one_of(MASKED_SPARSITIES)
    low_res = downscale(x0, max(1.0, x0.shape[-1] / LEAST_LOW_RES) ** float(torch.rand(())))
    blurred = dense_condition(low_res, *x0.shape[2:])
    h = on_grid(x0, k)
    on_the_grid = h + MAX_GAIN * uniform() * uniform() * (on_grid(blurred, k) - h)
    cells = torch.randn(len(x0), 3, *(_one_of(SMOOTH_CELLS),) * 2, device=x0.device)
    smooth = F.interpolate(cells, x0.shape[2:], mode="bicubic", align_corners=False)
    seen = x0 + 0.5 * uniform() * sigma * smooth
    on_grid(seen, k).copy_(on_the_grid)
    return seen


def _one_of(choices: tuple[int, ...]) -> int:
    return choices[int(torch.randint(len(choices), ()))]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, learning_rate=4e-4, batch=16)
    parser.add_argument("--masked", type=float, default=0.4, help="share of the faces met under a mask (0 to 1)")
    args = parser.parse_args(argv)
    device = pick_device(args.device)
    settings = run_settings(args, device)

    faces, _ = training_split(args.data)
    network = UNet2DModel.from_pretrained(args.init) if args.init else UNet2DModel(**ARCHITECTURE)

    def loss_of(module: nn.Module, pixels: Tensor) -> Tensor:
        return prior_loss(UNetPrior(module, SIZE, "v", UNSHUFFLE, TEMPLATE), to_tensor(pixels), args.masked)

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
