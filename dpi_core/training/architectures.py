"""Which network a prior of this size should be: ``python -m dpi_core.training.architectures [--data FACES --minutes 10]``.

For every candidate the parameters, the floating-point operations and the time of one call at batch 1; with ``--data``
also the loss on held-out faces after the same minutes of training each, from scratch on the same machine. What learns most
in the same time and answers within the budget (150 ms a call on two CPU cores) is what `dpi_core.training.prior` trains.
"""

import argparse
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from diffusers import UNet2DModel
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dpi_core.evaluation.held_out import held_out_faces
from dpi_core.models.devices import has_bfloat16, pick_device
from dpi_core.models.priors import UNetPrior
from dpi_core.training.data import PASS, AugmentedFaces, endless, training_split
from dpi_core.training.loop import RunSettings, train
from dpi_core.training.networks import unet_layout
from dpi_core.training.prior import SIZE, TEMPLATE, prior_loss
from dpi_core.training.prior_states import made_up_states, noised, unpack

CALLS = 7
CHECKED_FACES, CHECKED_DRAWS = 64, 4


@dataclass(frozen=True)
class Candidate:
    """A layout of `UNet2DModel` behind a pixel-unshuffle."""

    widths: tuple[int, ...]
    unshuffle: int
    norm_groups: int = 8
    name: str = field(init=False)

    def __post_init__(self) -> None:
        widths = "-".join(map(str, self.widths))
        object.__setattr__(self, "name", f"unshuffle {self.unshuffle}, {widths}, {self.norm_groups} groups")

    def network(self) -> UNet2DModel:
        """A new network."""
        channels = 3 * self.unshuffle**2
        layout = unet_layout(channels, channels, self.widths, self.norm_groups)
        return UNet2DModel(**{**layout, "sample_size": SIZE // self.unshuffle})

    def prior(self, network: nn.Module) -> UNetPrior:
        """The network as a prior."""
        return UNetPrior(network, SIZE, "v", self.unshuffle, TEMPLATE)


CANDIDATES = (
    Candidate((64, 96, 128, 192), 2),
    Candidate((64, 96, 128, 192), 2, norm_groups=32),  # groups of 3 channels
    Candidate((64, 128, 192, 256), 2),
    Candidate((48, 96, 144, 192), 1),
    Candidate((128, 192, 256), 4),
    Candidate((96, 128, 192, 256), 4),
)


def gigaflops(prior: UNetPrior) -> float:
    """Billions of floating-point operations of one call at batch 1, an addition and a multiplication as two."""
    with FlopCounterMode(display=False) as counter:
        ask(prior)
    return counter.get_total_flops() / 1e9


@torch.no_grad()
def ask(prior: UNetPrior) -> Tensor:
    """One call at batch 1."""
    device = next(prior.unet.parameters()).device
    return prior.network_output(torch.zeros(1, 3, SIZE, SIZE, device=device), torch.full((1,), 300, device=device))


def milliseconds(prior: UNetPrior, bfloat16: bool) -> float:
    """The median time of a call."""
    device = next(prior.unet.parameters()).device
    times = []
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
        for _ in range(CALLS + 1):  # the first is not counted
            start = time.perf_counter()
            ask(prior).float().sum().item()  # waits for a GPU
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[1:])


@torch.no_grad()
def held_out_loss(prior: UNetPrior, faces: Tensor) -> float:
    """The training loss on faces (N,3,H,W) that never trained, with the same noise for every candidate."""
    device = next(prior.unet.parameters()).device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        draws = [noised(faces, prior.alpha_bar.cpu().float()) for _ in range(CHECKED_DRAWS)]
    losses = [
        prior_loss(prior, x_t.to(device), t.to(device), x0.to(device))
        for noisy, steps in draws
        for x_t, t, x0 in zip(noisy.split(16), steps.split(16), faces.split(16), strict=True)
    ]
    return float(torch.stack(losses).mean())


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of aligned faces, or of .tar shards: train on them too")
    parser.add_argument("--out", type=Path, default=Path("runs/architectures"), help="folder of the runs")
    parser.add_argument("--minutes", type=float, default=10.0, help="training time of each (default 10)")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=4e-4)
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)
    device = pick_device(args.device)
    if args.threads:
        torch.set_num_threads(args.threads)
    kinds = [("float32", False), *([("bfloat16", True)] if has_bfloat16(device) else [])]

    head = ["network", "million parameters", "GFLOP", *(f"ms, {kind}" for kind, _ in kinds)]
    head += ["samples trained", "held-out loss"] if args.data else []
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|", flush=True)
    for candidate in CANDIDATES:
        network = candidate.network().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        prior = candidate.prior(network.eval())
        cells = [f"{sum(p.numel() for p in network.parameters()) / 1e6:.1f}", f"{gigaflops(prior):.1f}"]
        cells += [f"{milliseconds(prior, bfloat16):.0f}" for _, bfloat16 in kinds]
        if args.data:
            samples, loss = trained(candidate, network, args, device)
            cells += [str(samples), f"{loss:.5f}"]
        print(f"| {candidate.name} | " + " | ".join(cells) + " |", flush=True)


def trained(
    candidate: Candidate, network: UNet2DModel, args: argparse.Namespace, device: torch.device
) -> tuple[int, float]:
    """Train for the time given; the samples seen and the loss of the averaged network on held-out faces."""
    faces, _ = training_split(args.data)
    batches = endless(lambda seed: AugmentedFaces(faces, SIZE, PASS, seed), args.batch, 0)
    prior = candidate.prior(network)
    out = args.out / candidate.name.replace(", ", "_").replace(" ", "-")
    seen = [0]

    def loss_of(module: nn.Module, states: Tensor) -> Tensor:
        seen[0] += len(states)
        return prior_loss(candidate.prior(module), *unpack(states))

    states = made_up_states(batches, prior.alpha_bar, 0.0, device)
    losses: list[float] = []
    checked = held_out_faces(args.data, SIZE, CHECKED_FACES)
    settings = RunSettings(out, args.minutes, args.lr, 0.99, device)
    train(network, loss_of, states, settings, lambda net: losses.append(held_out_loss(candidate.prior(net), checked)))
    return seen[0], losses[0]


if __name__ == "__main__":
    main()
