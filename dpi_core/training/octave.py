"""Train what draws the octave of detail above a prior: ``python -m dpi_core.training.octave --data FACES --out RUN``.

The small network of a `dpi_core.models.octave_prior.OctavePrior` learns from faces of twice the prior's size, noised: a plain
loss of v of the differences of 2x2 pixels, and below ``BELOW`` a discriminator, as in `dpi_core.training.finishing`. The prior
below it stays as it is. At the noise where these differences are settled a sampler takes few steps, so the plain loss alone
would leave them soft.

``RUN/prior`` holds the averaged weights, written every few minutes with a checkpoint from which the same command goes on.
"""

import argparse
from functools import partial
from pathlib import Path

import torch
from diffusers import UNet2DModel
from torch import Tensor

from dpi_core.models.devices import pick_device
from dpi_core.models.octave_prior import CHANNELS, OctavePrior, Seen, smooth_differences, split
from dpi_core.models.priors import load_prior
from dpi_core.training.finishing import Finishing, Guess, add_arguments, run
from dpi_core.training.store import FaceStore, open_store

WIDTHS = (24, 48, 64)
BELOW = 200
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


def deviation_of(store: FaceStore, before: Path) -> float:
    """Take the deviation of `unknown_differences` from the prior in the folder `before`, or measure it on some faces."""
    if before.exists():
        prior = load_prior(str(before), "cpu")
        assert isinstance(prior, OctavePrior)
        return prior.deviation
    faces, _ = store.augmented(next(store.choices(MEASURED)))
    return float(unknown_differences(faces).square().mean().sqrt())


def guess(prior: OctavePrior, x_t: Tensor, x0: Tensor, t: Tensor, labels: Tensor, window: int) -> Guess:
    """Ask for v of the differences in samples `x_t` (N,3,H,W) at `t` (N,), which were made from faces `x0`.

    The prior below sees the whole face and is asked for the sharpest, as it will be, whatever the `labels` are; the network
    a random part of `window` means a side.
    """
    with torch.no_grad():
        seen = prior.seen(x_t, t)
    top, left = (int(torch.randint(side - window + 1, ())) for side in seen.means.shape[2:])

    def part(image: Tensor, scale: int = 1) -> Tensor:
        rows, columns = (slice(scale * start, scale * (start + window)) for start in (top, left))
        return image[..., rows, columns]

    seen = Seen(part(seen.means), part(seen.means_noise), part(seen.known), part(seen.state), seen.angle)
    x0 = part(x0, 2)
    output = prior.answer(seen, t)
    signal = (split(x0)[1] - seen.known) / prior.deviation
    target = (seen.angle.cos * seen.state - signal) / seen.angle.sin
    return Guess(output, target, x0, prior.image(seen, output))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, learning_rate=4e-4, share=0.5)
    parser.add_argument(
        "--window", type=int, default=64, help="means a side that the network sees of a face (default 64)"
    )
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    device = pick_device(args.device)
    base = load_prior("embedded", device.type)
    store = open_store(args.data, args.out.parent, 2 * base.image_size, device)
    network = new_network(base.image_size).to(device, memory_format=torch.channels_last)
    prior = OctavePrior(base, network, deviation_of(store, args.out / "prior"))
    print(f"deviation of the differences: {prior.deviation:.4f}", flush=True)
    finishing = Finishing(
        prior,
        list(network.parameters()),
        args.share,
        args.lr,
        args.ema_half_life,
        BELOW,
        partial(guess, window=args.window),
    )
    run(finishing, store, args.out, args.batch, args.minutes)


if __name__ == "__main__":
    main()
