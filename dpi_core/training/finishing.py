"""Finish a trained prior so that its last steps draw texture: ``python -m dpi_core.training.finishing --init PRIOR ..``.

A network trained to be right on average answers at small t with a mean of the faces that are still possible: soft. Here its
last levels go on training against a discriminator (`dpi_core.training.adversary`) that compares, patch by patch, the
estimated x0 with the true face it was noised from; only at ``t < BELOW``, where a face's features are settled. The loss of
plain training goes on beside it at every t, and all other weights stay as they are.

``OUT/prior`` holds the averaged weights (``OUT/prior-H`` where there are several half-lives H), written every few minutes with
a checkpoint from which the same command goes on.
"""

import argparse
import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dpi_core.commands.console import in_a_sentence
from dpi_core.errors import DPIError
from dpi_core.models.prior_network import PriorNetwork
from dpi_core.models.priors import UNetPrior, load_prior, save_prior
from dpi_core.training.adversary import BETAS, Adversary, same_window
from dpi_core.training.checkpoints import TrainingState
from dpi_core.training.loop import Averages, Losses, RunSettings, add_run_arguments, keep_learning, run_settings
from dpi_core.training.moving_average import MovingAverage
from dpi_core.training.prior import noised, velocity
from dpi_core.training.store import FaceStore, open_store
from dpi_core.training.weighting import draw_timesteps

BELOW = 400
SHARE = 0.75  # of a batch that is drawn below it; the rest is anywhere and only denoised
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
        half_lives: of the averaged weights, in samples.
        below: the discriminator looks at estimates from smaller t alone.
        ask: see `guess`.
    """

    def __init__(
        self,
        model: Any,
        trained: list[nn.Parameter],
        share: float,
        learning_rate: float,
        half_lives: Sequence[int],
        below: int = BELOW,
        ask: Callable[[Any, Tensor, Tensor, Tensor], Guess] = guess,
    ):
        self.model, self.trained, self.share, self.below = model, trained, share, below
        self.ask = ask
        for parameter in trained:
            parameter.requires_grad_(True)
        self.adversary = Adversary(next(model.unet.parameters()).device)
        self.optimiser = torch.optim.AdamW(trained, learning_rate, betas=BETAS, weight_decay=0.0)
        averages = {half_life: MovingAverage(model.unet, half_life) for half_life in half_lives}
        judge = {"discriminator": self.adversary.discriminator, "judging": self.adversary.optimiser}
        self.state = TrainingState(model.unet, averages, self.optimiser, judge)

    def step(self, x0: Tensor, labels: Tensor) -> Losses:
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
        return {"v": denoising.detach(), "judging": judging, "fooling": fooling.detach()}


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


def add_arguments(parser: argparse.ArgumentParser, learning_rate: float) -> None:
    """Add the arguments of every run of a `Finishing`."""
    add_run_arguments(parser, learning_rate, half_lives=(2000,))
    parser.add_argument(
        "--share", type=float, default=0.5, help="of the adversarial gradient, 1 = as much as the other (default 0.5)"
    )


def run(
    finishing: Finishing, store: FaceStore, batch: int, settings: RunSettings, write: Callable[[Any, str], None]
) -> None:
    """Train as `settings` say; `write` writes the model with averaged weights, given what to put behind its name.

    Raises:
        DPIError: if this is one of several processes.
    """
    if settings.processes and settings.processes.count > 1:
        raise DPIError(
            f"This was launched as one of {settings.processes.count} processes; finishing is the work of one."
        )

    def learn(chosen: Tensor, step: int, past: float) -> Losses:
        return finishing.step(*store.augmented(chosen))

    def export(averages: Averages) -> None:
        for suffix, network in averages.items():
            averaged = copy.copy(finishing.model)
            averaged.unet = network
            write(averaged, suffix)

    finishing.state.resume(settings.out)
    keep_learning(finishing.state, learn, store.choices(batch), settings, export)


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--init", required=True, help="folder of the trained prior")
    add_arguments(parser, learning_rate=1e-4)
    args = parser.parse_args(argv)
    settings = run_settings(args)
    prior = load_prior(args.init, settings.device.type)
    finishing = Finishing(prior, last_levels(prior.unet), args.share, args.lr, settings.half_lives)
    store = open_store(args.data, args.out.parent, prior.image_size, settings.device)
    run(
        finishing,
        store,
        args.batch,
        settings,
        lambda averaged, suffix: save_prior(averaged, args.out / f"prior{suffix}"),
    )


if __name__ == "__main__":
    main()
