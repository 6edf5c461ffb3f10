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
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from dpi_core.errors import DPIError
from dpi_core.models.devices import pick_device
from dpi_core.models.prior_network import PriorNetwork
from dpi_core.models.priors import UNetPrior, load_prior, save_prior
from dpi_core.training.discriminator import PatchDiscriminator, adversarial_loss, gradient_penalty
from dpi_core.training.moving_average import MovingAverage
from dpi_core.training.prior import noised, velocity
from dpi_core.training.store import open_store
from dpi_core.training.weighting import draw_timesteps

BELOW = 400
SHARE = 0.75  # of a batch that is drawn below it; the rest is anywhere and only denoised
PENALTY = 0.005  # half of it each on real and estimated faces
WINDOW = 64  # pixels a side that the discriminator looks at, each time elsewhere
EVERY = 4  # steps between penalties, which count as much more (Karras et al. 2020)
SAVE_MINUTES = 5
WEIGHTING = "edm"


class Finishing:
    """A prior that is being finished, its discriminator and both optimisers.

    Args:
        prior: whose last levels are trained; its network is changed in place.
        share: length of the adversarial loss's gradient at the network's output, 1 = as long as that of the loss of v.
        learning_rate: of the prior; the discriminator learns four times as fast.
        half_life: of the averaged weights, in samples.

    Raises:
        DPIError: if the prior's network has no classes and head.
    """

    def __init__(self, prior: UNetPrior, share: float, learning_rate: float, half_life: int):
        if not isinstance(prior.unet, PriorNetwork):
            raise DPIError("The prior has no classes and no head; only one with both can be finished.")
        self.prior, self.share = prior, share
        self.trained = last_levels(prior.unet)
        for parameter in self.trained:
            parameter.requires_grad_(True)
        device = next(prior.unet.parameters()).device
        self.discriminator = PatchDiscriminator().to(device)
        betas = (0.0, 0.99)
        self.optimiser = torch.optim.AdamW(self.trained, learning_rate, betas=betas, weight_decay=0.0)
        self.judging = torch.optim.AdamW(
            self.discriminator.parameters(), 4 * learning_rate, betas=betas, weight_decay=0.0
        )
        self.average = MovingAverage(prior.unet, half_life)
        self.samples = 0
        self._judged = 0

    def step(self, x0: Tensor, labels: Tensor) -> dict[str, float]:
        """Train once, the discriminator then the prior, on faces (N,3,H,W) in [-1, 1] of classes (N,)."""
        ab = self.prior.alpha_bar.to(x0)
        t = draw_timesteps(WEIGHTING, len(x0), ab)
        low = max(1, round(SHARE * len(x0)))
        t[:low] = torch.randint(BELOW, (low,), device=x0.device)
        x_t = noised(x0, t, ab)
        output = self.prior.network_output(x_t, t, labels)
        there = ab[t].view(-1, 1, 1, 1)
        denoising = (output - velocity(x_t, x0, there)).square().mean()
        estimate = (there.sqrt() * x_t - (1 - there).sqrt() * output)[:low]

        real, made = same_window(x0[:low], estimate)
        self.discriminator.requires_grad_(True)
        judging = self._judge(real, made.detach())

        self.discriminator.requires_grad_(False)
        with torch.no_grad():
            logits = self.discriminator(real)
        fooling = adversarial_loss(self.discriminator(made), logits)
        (towards,) = torch.autograd.grad(denoising, output)
        (fooled,) = torch.autograd.grad(fooling, output)
        self.optimiser.zero_grad(set_to_none=True)
        output.backward(towards + self.share * towards.norm() / fooled.norm().clamp(min=1e-12) * fooled)
        nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimiser.step()
        self.samples += len(x0)
        self.average.update(len(x0), self.samples)
        return {"v": denoising.item(), "judging": judging.item(), "fooling": fooling.item()}

    def _judge(self, real: Tensor, made: Tensor) -> Tensor:
        """Train the discriminator once on faces and estimates of them (N,3,H,W), and return its loss."""
        penalised = self._judged % EVERY == 0
        self._judged += 1
        seen, made = (images.clone().requires_grad_(penalised) for images in (real, made))
        logits, logits_made = self.discriminator(seen), self.discriminator(made)
        loss = adversarial_loss(logits, logits_made)
        total = loss
        if penalised:
            penalty = gradient_penalty(logits, seen) + gradient_penalty(logits_made, made)
            total = loss + EVERY * PENALTY / 2 * penalty
        self.judging.zero_grad(set_to_none=True)
        total.backward()
        self.judging.step()
        return loss

    def save(self, out: Path) -> None:
        """Write the averaged prior and a checkpoint into the folder `out`."""
        averaged = copy.deepcopy(self.prior.unet).eval()
        averaged.load_state_dict(self.average.weights)
        prior = self.prior
        save_prior(
            UNetPrior(averaged, prior.image_size, prior.prediction, prior.unshuffle, prior.template), out / "prior"
        )
        partial = out / "checkpoint.part"
        state = {name: part.state_dict() for name, part in self._parts().items()}
        torch.save(state | {"average": self.average.weights, "samples": self.samples}, partial)
        partial.replace(out / "checkpoint.pt")

    def resume(self, out: Path) -> None:
        """Go on from the checkpoint in the folder `out`, if it has one."""
        path = out / "checkpoint.pt"
        if path.exists():
            state = torch.load(path, map_location=next(self.prior.unet.parameters()).device, weights_only=True)
            for name, part in self._parts().items():
                part.load_state_dict(state[name])
            self.average.load(state["average"])
            self.samples = state["samples"]

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self.prior.unet,
            "discriminator": self.discriminator,
            "optimiser": self.optimiser,
            "judging": self.judging,
        }


def same_window(*images: Tensor) -> list[Tensor]:
    """Cut the same random square of `WINDOW` pixels out of images (N,3,H,W)."""
    top, left = (int(torch.randint(side - WINDOW + 1, ())) for side in images[0].shape[2:])
    return [image[:, :, top : top + WINDOW, left : left + WINDOW] for image in images]


def last_levels(network: PriorNetwork) -> list[nn.Parameter]:
    """Return the weights that are finished: the UNet's last two levels with the step up to them, its output and the head."""
    unet = network.unet
    # The step up is there for torch 2.13 too: its group norm crashes backwards on a CPU where its input needs no gradient.
    parts = [unet.up_blocks[-3].upsamplers, *unet.up_blocks[-2:], unet.conv_norm_out, unet.conv_out, network.head]
    return [parameter for part in parts if part is not None for parameter in part.parameters()]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces, or of .tar shards")
    parser.add_argument("--init", required=True, help="folder of the trained prior")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint, log and weights")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of this run (default 60)")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1e-4, help="of the prior; the discriminator's is four times that")
    parser.add_argument(
        "--share", type=float, default=0.5, help="of the adversarial gradient, 1 = as much as the other"
    )
    parser.add_argument("--ema-half-life", type=int, default=2000, help="of the averaged weights, in samples")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)

    device = pick_device(args.device)
    prior = load_prior(args.init, device.type)
    finishing = Finishing(prior, args.share, args.lr, args.ema_half_life)
    store = open_store(args.data, args.out.parent, prior.image_size, device)
    args.out.mkdir(parents=True, exist_ok=True)
    finishing.resume(args.out)
    start = saved = time.monotonic()
    bar = tqdm(unit=" samples", initial=finishing.samples, smoothing=0.05)
    with bar, (args.out / "log.csv").open("a") as log:
        for chosen in store.choices(args.batch):
            now = time.monotonic()
            if now - start > 60 * args.minutes:
                break
            losses = finishing.step(*store.augmented(chosen))
            bar.update(args.batch)
            if (finishing.samples // args.batch) % 10 == 0:
                print(finishing.samples, *(f"{value:.5f}" for value in losses.values()), sep=",", file=log, flush=True)
            if now - saved > 60 * SAVE_MINUTES:
                finishing.save(args.out)
                saved = now
    finishing.save(args.out)


if __name__ == "__main__":
    main()
