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
from torch import Tensor, nn

from dpi_core.evaluation.held_out import held_out_faces
from dpi_core.models.devices import has_bfloat16, pick_device
from dpi_core.models.prior_network import PriorNetwork
from dpi_core.models.priors import UNetPrior
from dpi_core.training.loop import RunSettings, train
from dpi_core.training.prior import SIZE, TEMPLATE, architecture, noised, prior_loss
from dpi_core.training.speed_log import operations
from dpi_core.training.starting import starting_network
from dpi_core.training.store import open_store
from dpi_core.training.weighting import draw_timesteps, weights_of

CALLS = 7
WEIGHTING, HALF_LIFE = "edm", 1_000
CHECKED_FACES, CHECKED_DRAWS = 64, 4


@dataclass(frozen=True)
class Candidate:
    """A layout of the prior's UNet behind a pixel-unshuffle."""

    widths: tuple[int, ...]
    unshuffle: int
    norm_groups: int = 8
    name: str = field(init=False)

    def __post_init__(self) -> None:
        widths = "-".join(map(str, self.widths))
        object.__setattr__(self, "name", f"unshuffle {self.unshuffle}, {widths}, {self.norm_groups} groups")

    def network(self) -> PriorNetwork:
        """Make a new network."""
        layout = architecture(self.widths, self.unshuffle, SIZE, self.norm_groups)
        return starting_network(None, layout, self.unshuffle)

    def prior(self, network: nn.Module) -> UNetPrior:
        """Wrap the network as a prior."""
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
    """Count billions of floating-point operations of one call at batch 1, an addition and a multiplication as two."""
    return operations(lambda: ask(prior)) / 1e9


@torch.no_grad()
def ask(prior: UNetPrior) -> Tensor:
    """Call the network once at batch 1."""
    device = next(prior.unet.parameters()).device
    return prior.network_output(torch.zeros(1, 3, SIZE, SIZE, device=device), torch.full((1,), 300, device=device))


def milliseconds(prior: UNetPrior, bfloat16: bool) -> float:
    """Measure the median time of a call."""
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
    """Compute the training loss on faces (N,3,H,W) that never trained, with the same noise for every candidate."""
    device = next(prior.unet.parameters()).device
    alpha_bar = prior.alpha_bar.cpu().float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        timesteps = [draw_timesteps(WEIGHTING, len(faces), alpha_bar) for _ in range(CHECKED_DRAWS)]
        draws = [(noised(faces, t, alpha_bar), t) for t in timesteps]
    weights = weights_of(WEIGHTING, alpha_bar).to(device)
    losses = [
        prior_loss(prior, x_t.to(device), t.to(device), x0.to(device), weights)
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
    candidate: Candidate, network: PriorNetwork, args: argparse.Namespace, device: torch.device
) -> tuple[int, float]:
    """Train for the time given; the samples seen and the loss of the averaged network on held-out faces."""
    store = open_store(args.data, args.out, SIZE, device)
    alpha_bar = candidate.prior(network).alpha_bar.to(device, torch.float32)
    weights = weights_of(WEIGHTING, alpha_bar)
    out = args.out / candidate.name.replace(", ", "_").replace(" ", "-")
    seen = [0]

    def loss_of(module: nn.Module, chosen: Tensor) -> Tensor:
        seen[0] += len(chosen)
        x0, labels = store.augmented(chosen)
        t = draw_timesteps(WEIGHTING, len(x0), alpha_bar)
        return prior_loss(candidate.prior(module), noised(x0, t, alpha_bar), t, x0, weights, labels)

    settings = RunSettings(out, args.minutes, args.lr, (HALF_LIFE,), device)
    averages = train(network, loss_of, store.choices(args.batch), settings, lambda averages: None)
    checked = held_out_faces(args.data, SIZE, CHECKED_FACES)
    return seen[0], held_out_loss(candidate.prior(averages[""]), checked)


if __name__ == "__main__":
    main()
