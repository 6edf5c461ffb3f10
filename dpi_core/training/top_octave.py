"""Train what draws the octave above the embedded prior: ``python -m dpi_core.training.top_octave --data FACES --out RUN``.

The network of a `dpi_core.models.octave.Octave` learns from faces of twice the prior's size: a plain loss of v of the noised
differences of 2x2 pixels, and below ``BELOW`` a discriminator, as in `dpi_core.training.finishing`, since these differences
are settled in few steps, which would leave them soft. The means that it sees are not the photograph's but what the prior,
which stays as it is, estimates of them from some noise: drawn faces, as it will be given.

``RUN/octave`` holds the averaged weights, written every few minutes with a checkpoint from which the same command goes on.
"""

import argparse
from functools import partial
from pathlib import Path

import torch
from diffusers import UNet2DModel
from torch import Tensor

from dpi_core.commands.console import in_a_sentence
from dpi_core.models.octave import CHANNELS, Band, Octave, load_octave, merge, save_octave, smooth_differences, split
from dpi_core.models.priors import UNetPrior, load_prior
from dpi_core.training.finishing import Finishing, Guess, add_arguments, run
from dpi_core.training.loop import run_settings
from dpi_core.training.prior import noised
from dpi_core.training.store import FaceStore, open_store

WIDTHS = (24, 48, 64)
BELOW = 200
DRAWN_FROM = 300  # the prior's estimates come from any noise below it
MEASURED = 64  # faces of which the deviation is taken


def new_network(size: int) -> UNet2DModel:
    """Make the network for means of `size` pixels a side; it answers 0 at first."""
    levels = len(WIDTHS)
    network = UNet2DModel(
        sample_size=size,
        in_channels=CHANNELS[0],
        out_channels=CHANNELS[1],
        layers_per_block=1,
        block_out_channels=WIDTHS,
        down_block_types=("DownBlock2D",) * levels,
        up_block_types=("UpBlock2D",) * levels,
        add_attention=False,
        norm_num_groups=8,
    )
    torch.nn.init.zeros_(network.conv_out.weight)
    torch.nn.init.zeros_(network.conv_out.bias)
    return network


def unknown_differences(faces: Tensor) -> Tensor:
    """Compute the differences (N,9,H/2,W/2) of faces (N,3,H,W) that smooth upsampling of their means does not know."""
    means, differences = split(faces)
    return differences - smooth_differences(means)


def deviation_of(store: FaceStore, out: Path) -> float:
    """Take the deviation of `unknown_differences` from the octaves that a run left in `out`, or measure it on some faces."""
    before = next(out.glob("octave*"), None)
    if before is not None:
        return load_octave(str(before), "cpu").deviation
    faces, _ = store.augmented(next(store.choices(MEASURED)))
    return float(unknown_differences(faces).square().mean().sqrt())


@torch.no_grad()
def drawn_means(prior: UNetPrior, means: Tensor) -> Tensor:
    """Estimate faces (N,3,H,W) of the prior's size from noised ones, each from a noise of its own."""
    alpha_bar = prior.alpha_bar.to(means)
    t = torch.randint(DRAWN_FROM, (len(means),), device=means.device)
    x_t, ab = noised(means, t, alpha_bar), alpha_bar[t].view(-1, 1, 1, 1)
    return (ab.sqrt() * x_t - (1 - ab).sqrt() * prior.network_output(x_t, t)).clamp(-1, 1)


def guess(octave: Octave, x0: Tensor, t: Tensor, labels: Tensor, prior: UNetPrior, window: int) -> Guess:
    """Ask for v of the differences in faces `x0` (N,3,H,W), noised at `t` (N,).

    The prior sees the whole face and is asked for the sharpest, as it will be, whatever the `labels` are; the network sees a
    random part of `window` means a side.
    """
    means = drawn_means(prior, split(x0)[0])
    known = smooth_differences(means)
    top, left = (int(torch.randint(side - window + 1, ())) for side in means.shape[2:])

    def part(image: Tensor, scale: int = 1) -> Tensor:
        rows, columns = (slice(scale * start, scale * (start + window)) for start in (top, left))
        return image[..., rows, columns]

    means, known, x0 = part(means), part(known), part(x0, 2)
    signal = (split(x0)[1] - known) / octave.deviation
    band, phi = Band(signal, torch.randn_like(signal)), octave.angle_at(t, x0)
    z = phi.state(band)
    output = octave.answer(z, means, t)
    estimate = merge(means, known + octave.deviation * phi.estimated(z, output).signal)
    return Guess(output, phi.velocity(band), x0, estimate)


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, learning_rate=4e-4)
    parser.add_argument(
        "--window", type=int, default=64, help="means a side that the network sees of a face (default 64)"
    )
    args = parser.parse_args(argv)
    settings = run_settings(args)
    prior = load_prior("embedded", settings.device.type)
    store = open_store(args.data, args.out.parent, 2 * prior.image_size, settings.device)
    network = new_network(prior.image_size).to(settings.device, memory_format=torch.channels_last)
    octave = Octave(network, prior.image_size, deviation_of(store, args.out))
    print(f"deviation of the differences: {octave.deviation:.4f}", flush=True)
    ask = partial(guess, prior=prior, window=args.window)
    finishing = Finishing(octave, list(network.parameters()), args.share, args.lr, settings.half_lives, BELOW, ask)
    run(
        finishing,
        store,
        args.batch,
        settings,
        lambda averaged, suffix: save_octave(averaged, args.out / f"octave{suffix}"),
    )


if __name__ == "__main__":
    main()
