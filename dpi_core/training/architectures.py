"""What a prior's network costs: ``python -m dpi_core.training.architectures``.

For every candidate the parameters, the floating-point operations and the time of one call at batch 1. What
`dpi_core.training.prior` trains answers within 150 ms a call on two CPU cores.
"""

import argparse
import statistics
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dpi_core.commands.console import in_a_sentence
from dpi_core.models.devices import has_bfloat16, pick_device
from dpi_core.models.prior_network import PriorNetwork
from dpi_core.models.priors import UNetPrior
from dpi_core.training.prior import SIZE, TEMPLATE, architecture
from dpi_core.training.speed_log import operations
from dpi_core.training.starting import starting_network

CALLS = 7


@dataclass(frozen=True)
class Candidate:
    """A layout of the prior's UNet behind a pixel-unshuffle."""

    widths: tuple[int, ...]
    unshuffle: int
    norm_groups: int = 8

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"unshuffle {self.unshuffle}, {'-'.join(map(str, self.widths))}, {self.norm_groups} groups"

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


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)
    device = pick_device(args.device)
    if args.threads:
        torch.set_num_threads(args.threads)
    kinds = [("float32", False), *([("bfloat16", True)] if has_bfloat16(device) else [])]

    head = ["network", "million parameters", "GFLOP", *(f"ms, {kind}" for kind, _ in kinds)]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|", flush=True)
    for candidate in CANDIDATES:
        network = candidate.network().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        prior = candidate.prior(network.eval())
        cells = [f"{sum(p.numel() for p in network.parameters()) / 1e6:.1f}", f"{gigaflops(prior):.1f}"]
        cells += [f"{milliseconds(prior, bfloat16):.0f}" for _, bfloat16 in kinds]
        print(f"| {candidate.name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
