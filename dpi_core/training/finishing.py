"""Finish a trained prior so that its last steps draw texture: ``python -m dpi_core.training.finishing --init PRIOR ..``.

A network trained to be right on average answers at small t with a mean of the faces that are still possible: soft. Here its
last levels go on training against a discriminator (`dpi_core.training.discriminator`) that compares, patch by patch, the
estimated x0 with the true face it was noised from; only at ``t < BELOW``, where a face's features are settled. The loss of
plain training goes on beside it at every t, and all other weights stay as they are.

``OUT/prior`` holds the averaged weights, written every few minutes with a checkpoint from which the same command goes on.
"""

import argparse
import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm

from dpi_core.errors import DPIError
from dpi_core.models.devices import pick_device
from dpi_core.models.prior_network import PriorNetwork
from dpi_core.models.priors import UNetPrior, load_prior, save_prior
from dpi_core.training.adversary import BETAS, Adversary, same_window
from dpi_core.training.moving_average import MovingAverage
from dpi_core.training.prior import noised, velocity
from dpi_core.training.store import FaceStore, open_store
from dpi_core.training.weighting import draw_timesteps

BELOW = 400
SHARE = 0.75  # of a batch that is drawn below it; the rest is anywhere and only denoised
SAVE_MINUTES = 5
WEIGHTING = "edm"


class Guess(NamedTuple):
    """What a prior says of noised faces or parts of them: a network's output, what it should be, x0 and its estimate."""

    output: Tensor
    target: Tensor
    x0: Tensor
    estimate: Tensor


def guess(prior: UNetPrior, x0: Tensor, t: Tensor, labels: Tensor) -> Guess:
    """Ask a prior for v of faces `x0` (N,3,H,W) of classes `labels` (N,), noised at `t` (N,)."""
    alpha_bar = prior.alpha_bar.to(x0)
    x_t, ab = noised(x0, t, alpha_bar), alpha_bar[t].view(-1, 1, 1, 1)
    output = prior.network_output(x_t, t, labels)
    return Guess(output, velocity(x_t, x0, ab), x0, ab.sqrt() * x_t - (1 - ab).sqrt() * output)


class Finishing:
    """A network that learns from a plain loss and a discriminator, and both optimisers.

    Args:
        model: a prior, or another that holds its network as ``unet``, which is changed in place.
        trained: the weights of it that learn.
        share: length of the adversarial loss's gradient at the network's output, 1 = as long as that of the loss of v.
        learning_rate: of the model.
        half_life: of the averaged weights, in samples.
        below: the discriminator looks at estimates from smaller t alone.
        ask: see `guess`.
        write: writes the model with averaged weights into the run's folder.
    """

    def __init__(
        self,
        model: Any,
        trained: list[nn.Parameter],
        share: float,
        learning_rate: float,
        half_life: int,
        below: int = BELOW,
        ask: Callable[[Any, Tensor, Tensor, Tensor], Guess] = guess,
        write: Callable[[Any, Path], None] = lambda prior, out: save_prior(prior, out / "prior"),
    ):
        self.model, self.trained, self.share, self.below = model, trained, share, below
        self.ask, self.write = ask, write
        for parameter in trained:
            parameter.requires_grad_(True)
        self.adversary = Adversary(next(model.unet.parameters()).device)
        self.optimiser = torch.optim.AdamW(trained, learning_rate, betas=BETAS, weight_decay=0.0)
        self.average = MovingAverage(model.unet, half_life)
        self.samples = 0

    def step(self, x0: Tensor, labels: Tensor) -> dict[str, float]:
        """Train once, the discriminator then the prior, on faces (N,3,H,W) in [-1, 1] of classes (N,)."""
        ab = self.model.alpha_bar.to(x0)
        t = draw_timesteps(WEIGHTING, len(x0), ab)
        low = max(1, round(SHARE * len(x0)))
        t[:low] = torch.randint(self.below, (low,), device=x0.device)
        output, target, true, estimate = self.ask(self.model, x0, t, labels)
        denoising = (output - target).square().mean()

        real, made = same_window(true[:low], estimate[:low])
        judging = self.adversary.judge(real, made)
        fooling = self.adversary.fooling(real, made)
        (towards,) = torch.autograd.grad(denoising, output)
        (fooled,) = torch.autograd.grad(fooling, output)
        self.optimiser.zero_grad(set_to_none=True)
        output.backward(towards + self.share * towards.norm() / fooled.norm().clamp(min=1e-12) * fooled)
        nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimiser.step()
        self.samples += len(x0)
        self.average.update(len(x0), self.samples)
        return {"v": denoising.item(), "judging": judging, "fooling": fooling.item()}

    def save(self, out: Path) -> None:
        """Write the averaged model and a checkpoint into the folder `out`."""
        averaged = copy.copy(self.model)
        averaged.unet = copy.deepcopy(self.model.unet).eval()
        averaged.unet.load_state_dict(self.average.weights)
        self.write(averaged, out)
        partial = out / "checkpoint.part"
        state = {name: part.state_dict() for name, part in self._parts().items()}
        torch.save(state | {"average": self.average.weights, "samples": self.samples}, partial)
        partial.replace(out / "checkpoint.pt")

    def resume(self, out: Path) -> None:
        """Go on from the checkpoint in the folder `out`, if it has one."""
        path = out / "checkpoint.pt"
        if path.exists():
            state = torch.load(path, map_location=next(self.model.unet.parameters()).device, weights_only=True)
            for name, part in self._parts().items():
                part.load_state_dict(state[name])
            self.average.load(state["average"])
            self.samples = state["samples"]

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self.model.unet,
            "discriminator": self.adversary.discriminator,
            "optimiser": self.optimiser,
            "judging": self.adversary.optimiser,
        }


def last_levels(network: nn.Module) -> list[nn.Parameter]:
    """Return the weights that are finished: the UNet's last two levels with the step up to them, its output and the head.

    Raises:
        DPIError: if the network has no classes and head.
    """
    if not isinstance(network, PriorNetwork):
        raise DPIError("The prior has no classes and no head; only one with both can be finished.")
    unet = network.unet
    # The step up is there for torch 2.13 too: its group norm crashes backwards on a CPU where its input needs no gradient.
    parts = [unet.up_blocks[-3].upsamplers, *unet.up_blocks[-2:], unet.conv_norm_out, unet.conv_out, network.head]
    return [parameter for part in parts if part is not None for parameter in part.parameters()]


def add_arguments(parser: argparse.ArgumentParser, learning_rate: float, share: float) -> None:
    """Add the arguments of every run of a `Finishing`."""
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces, or of .tar shards")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint, log and weights")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of this run (default 60)")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=learning_rate, help=f"of the prior (default {learning_rate})")
    parser.add_argument(
        "--share",
        type=float,
        default=share,
        help=f"of the adversarial gradient, 1 = as much as the other (default {share})",
    )
    parser.add_argument("--ema-half-life", type=int, default=2000, help="of the averaged weights, in samples")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")


def run(finishing: Finishing, store: FaceStore, out: Path, batch: int, minutes: float) -> None:
    """Train for some minutes, writing the log, and every few minutes checkpoint and prior, into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    finishing.resume(out)
    start = saved = time.monotonic()
    bar = tqdm(unit=" samples", initial=finishing.samples, smoothing=0.05)
    with bar, (out / "log.csv").open("a") as log:
        for chosen in store.choices(batch):
            now = time.monotonic()
            if now - start > 60 * minutes:
                break
            losses = finishing.step(*store.augmented(chosen))
            bar.update(batch)
            if (finishing.samples // batch) % 10 == 0:
                print(finishing.samples, *(f"{value:.5f}" for value in losses.values()), sep=",", file=log, flush=True)
            if now - saved > 60 * SAVE_MINUTES:
                finishing.save(out)
                saved = now
    finishing.save(out)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--init", required=True, help="folder of the trained prior")
    add_arguments(parser, learning_rate=1e-4, share=0.5)
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    device = pick_device(args.device)
    prior = load_prior(args.init, device.type)
    finishing = Finishing(prior, last_levels(prior.unet), args.share, args.lr, args.ema_half_life)
    store = open_store(args.data, args.out.parent, prior.image_size, device)
    run(finishing, store, args.out, args.batch, args.minutes)


if __name__ == "__main__":
    main()
