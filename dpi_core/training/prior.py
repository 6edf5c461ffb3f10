"""Train an unconditional face prior: ``python -m dpi_core.training.prior --data FACES --out RUN --minutes 120``.

Plain diffusion training: noised faces and nothing else, prediction of v. The network is told how sharp each face is
(`dpi_core.models.prior_network`), so soft faces teach structure without teaching blur. Faces are decoded once and augmented on
the device (`dpi_core.training.store`); a folder of tables tells their sources, which decide how often each is drawn.

``RUN/prior-H`` holds the weights averaged with a half-life of H samples, written at every checkpoint and at the end, with
a sheet of samples at the end; ``--minutes 0`` writes them from the last checkpoint. ``--size 256 --unshuffle 4`` trains
at 256 x 256 with hardly more operations a call; ``--init`` takes the weights of a 128 x 128 one.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from dpi_core.commands.console import in_a_sentence
from dpi_core.models.priors import UNetPrior, save_prior
from dpi_core.training.loop import Averages, add_network_arguments, add_run_arguments, run_settings, train
from dpi_core.training.networks import unet_layout
from dpi_core.training.sheets import unconditional_sheet
from dpi_core.training.speed_log import TRAINING, operations
from dpi_core.training.starting import starting_network
from dpi_core.training.store import open_store
from dpi_core.training.weighting import WEIGHTINGS, draw_timesteps, weights_of

WIDTHS = (64, 96, 128, 192)
SIZE, UNSHUFFLE = 128, 2
TEMPLATE = "tight-128"
HALF_LIVES = (100_000, 1_000_000)


def noised(x0: Tensor, t: Tensor, alpha_bar: Tensor) -> Tensor:
    """Add the noise of `t` (N,) to faces `x0` (N,3,H,W) in [-1, 1]; `alpha_bar` (T,) is the schedule."""
    ab = alpha_bar[t].view(-1, 1, 1, 1)
    return ab.sqrt() * x0 + (1 - ab).sqrt() * torch.randn_like(x0)


def velocity(x_t: Tensor, x0: Tensor, ab: Tensor) -> Tensor:
    """Compute the v (N,3,H,W) that leads from `x_t` to `x0`; `ab` (N,1,1,1) is alpha_bar there (Salimans and Ho 2022)."""
    return (ab.sqrt() * x_t - x0) / (1 - ab).sqrt()


def prior_loss(
    prior: UNetPrior, x_t: Tensor, t: Tensor, x0: Tensor, weights: Tensor, labels: Tensor | None = None
) -> Tensor:
    """Compute the weighted mean squared error of v for samples `x_t` (N,3,H,W) at `t` (N,) that should lead to `x0`.

    Args:
        weights: (T,), see `dpi_core.training.weighting.weights_of`.
        labels: (N,), how sharp each is; None = the sharpest.
    """
    ab = prior.alpha_bar.to(x_t)[t].view(-1, 1, 1, 1)
    error = (prior.network_output(x_t, t, labels).float() - velocity(x_t, x0, ab)).square().mean(dim=(1, 2, 3))
    return (weights[t] * error).mean()


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, learning_rate=4e-4, half_lives=HALF_LIVES)
    add_network_arguments(parser)
    parser.add_argument("--weighting", choices=WEIGHTINGS, default="edm", help="of the timesteps (default edm)")
    parser.add_argument("--size", type=int, default=SIZE, help=f"pixels a side (default {SIZE})")
    parser.add_argument("--unshuffle", type=int, default=UNSHUFFLE, help=f"in front of the UNet (default {UNSHUFFLE})")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, help="channels of a new network's levels")
    args = parser.parse_args(argv)
    settings = run_settings(args, shards=args.shards, init=args.init)
    device = settings.device

    store = open_store(args.data, args.out.parent, args.size, device)
    network = starting_network(args.init, architecture(args.widths, args.unshuffle, args.size), args.unshuffle)

    def as_prior(module: nn.Module) -> UNetPrior:
        return UNetPrior(module, args.size, "v", args.unshuffle, TEMPLATE)

    one, t0 = torch.zeros(1, 3, args.size, args.size), torch.zeros(1, dtype=torch.long)
    settings = replace(settings, flops=TRAINING * operations(lambda: as_prior(network).network_output(one, t0)))
    alpha_bar = as_prior(network).alpha_bar.to(device, torch.float32)
    weights = weights_of(args.weighting, alpha_bar)

    def loss_of(module: nn.Module, chosen: Tensor) -> Tensor:
        x0, labels = store.augmented(chosen)
        t = draw_timesteps(args.weighting, len(x0), alpha_bar)
        prior = as_prior(module)
        prior.alpha_bar = alpha_bar  # already there: a copy at every step would make a GPU wait
        return prior_loss(prior, noised(x0, t, alpha_bar), t, x0, weights, labels)

    def export(averages: Averages) -> None:
        for suffix, module in averages.items():
            save_prior(as_prior(module), args.out / f"prior{suffix}")

    averages = train(network, loss_of, store.choices(args.batch), settings, export, args.compile)
    for suffix, module in averages.items():
        unconditional_sheet(as_prior(module), seeds=range(16)).save(args.out / f"samples{suffix}.png")


def architecture(widths: Sequence[int], unshuffle: int, size: int, norm_groups: int = 8) -> dict:
    """Return the arguments of a `UNet2DModel` of these widths behind an unshuffle."""
    channels = 3 * unshuffle**2
    return {**unet_layout(channels, channels, tuple(widths), norm_groups), "sample_size": size // unshuffle}


if __name__ == "__main__":
    main()
