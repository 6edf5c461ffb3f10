"""Train an unconditional face prior: ``python -m dpi_core.training.prior --data FACES --out RUN --minutes 120``.

v-prediction with min-SNR weighting (Hang et al. 2023): the loss on v is weighted by ``min(SNR, 20) / (SNR + 1)``, which is
``min(SNR, 20)`` on the squared error of x0. They recommend 5; with 20 the low t, where fine detail is made, count for more.
What the prior is shown is told in `dpi_core.training.prior_states`: noised faces, a share of them as under a mask, and, with
``--own``, the states of its own DPI runs.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from diffusers import UNet2DModel
from torch import Tensor, nn

from dpi_core.models.correctors import load_corrector
from dpi_core.models.devices import pick_device
from dpi_core.models.priors import UNetPrior, save_prior
from dpi_core.training.data import PASS, AugmentedFaces, DegradedFaces, endless, training_split
from dpi_core.training.loop import add_run_arguments, run_settings, share, train
from dpi_core.training.networks import unet_layout
from dpi_core.training.prior_states import made_up_states, mixed_states, own_degradation, own_states, unpack
from dpi_core.training.sheets import unconditional_sheet

ARCHITECTURE = unet_layout(12, 12, (64, 96, 128, 192))
SIZE, UNSHUFFLE, MIN_SNR = 128, 2, 20.0
TEMPLATE = "tight-128"


def prior_loss(prior: UNetPrior, x_t: Tensor, t: Tensor, x0: Tensor) -> Tensor:
    """The weighted mean squared error of v for samples `x_t` (N,3,H,W) at `t` (N,) that should lead to `x0`."""
    ab = prior.alpha_bar.to(x_t)[t].view(-1, 1, 1, 1)
    v = (ab.sqrt() * x_t - x0) / (1 - ab).sqrt()
    snr = (ab / (1 - ab)).flatten()
    error = (prior.network_output(x_t, t).float() - v).square().mean(dim=(1, 2, 3))
    return (snr.clamp(max=MIN_SNR) / (snr + 1) * error).mean()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, learning_rate=4e-4, batch=16)
    parser.add_argument("--masked", type=share, default=0.4, help="share of noised faces under a mask (0 to 1)")
    parser.add_argument("--own", type=share, default=0.0, help="share of states from DPI runs with this prior (0 to 1)")
    parser.add_argument("--corrector", default="embedded", help="the corrector of those runs (default embedded)")
    args = parser.parse_args(argv)
    device = pick_device(args.device)
    settings = run_settings(args, device)

    faces, _ = training_split(args.data)
    network = UNet2DModel.from_pretrained(args.init) if args.init else UNet2DModel(**ARCHITECTURE)
    prior = as_prior(network.to(device))

    def batches_of(dataset: Callable[[int], AugmentedFaces | DegradedFaces]) -> Iterator[Tensor]:
        return endless(dataset, args.batch, args.workers)

    plain = batches_of(lambda seed: AugmentedFaces(faces, SIZE, PASS, seed))
    states = made_up_states(plain, prior.alpha_bar, args.masked, device)
    if count := round(args.own * args.batch):
        corrector = load_corrector(args.corrector, args.device)
        pairs = batches_of(lambda seed: DegradedFaces(faces, SIZE, PASS, seed, degradation=own_degradation))
        states = mixed_states(states, own_states(prior, corrector, pairs, count, device))
    train(
        network,
        lambda module, batch: prior_loss(as_prior(module), *unpack(batch)),
        states,
        settings,
        lambda net: export(net, args.out),
        args.compile,
    )


def as_prior(network: nn.Module) -> UNetPrior:
    """The network as the prior that is trained here."""
    return UNetPrior(network, SIZE, "v", UNSHUFFLE, TEMPLATE)


def export(network: UNet2DModel, out: Path) -> None:
    """Write the float16 safetensors (diffusers' layout) and a sheet of unconditional samples."""
    prior = as_prior(network)
    unconditional_sheet(prior, seeds=range(16)).save(out / "samples.png")
    save_prior(prior, out / "prior")


if __name__ == "__main__":
    main()
