"""What the corrector meets while DPI runs, to train it on, always with the corrector as it is now (dataset aggregation,
Ross et al. 2011): it learns from its own mistakes. Made-up states, in which c is closer to the truth than it ever is in
a run, teach it to believe c, and then its errors feed themselves as t falls.

    forward  c = sqrt(ab) y + sqrt(1-ab) n,  n ~ N(0, I): FCM's form. y is y_init, or what the corrector makes of it from
             noise. Cheap, so every state has a face of its own.
    sampler  the grids of real runs at random settings, FCM and RACM. Dear, and the states of a run are all of one face.
"""

import random
from collections import defaultdict
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from dpi_core.imaging.pixels import to_tensor
from dpi_core.method.config import DPIConfig
from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.method.interfaces import Corrector, Prior
from dpi_core.method.masks import on_grid
from dpi_core.method.sampler import sample_steps
from dpi_core.models.correctors import UNetCorrector
from dpi_core.models.devices import autocast

SPARSITIES, SPARSITY_WEIGHTS = (1, 2, 3, 4, 8), (0.03, 0.73, 0.08, 0.1, 0.06)
STEPS = (10, 10, 20)
KEPT = 0.5  # of the states of a run, which tell much the same
SAMPLER_SHARE = 0.3  # of the batches


class Recorder:
    """A corrector that passes everything on to another and keeps what it was asked."""

    def __init__(self, corrector: Corrector):
        self.corrector = corrector
        self.asked: list[tuple[Tensor, Tensor, Tensor]] = []

    def __call__(self, noisy_grid: Tensor, t: Tensor, condition_grid: Tensor) -> Tensor:
        """See `dpi_core.models.correctors.Corrector`."""
        self.asked.append((noisy_grid.clone(), t, condition_grid))
        return self.corrector(noisy_grid, t, condition_grid)


def pack(c: Tensor, t: Tensor, y_init: Tensor, h: Tensor) -> Tensor:
    """Pack states into one tensor (N,10,h,w): noisy grid, first condition, true grid, timestep."""
    plane = t.view(-1, 1, 1, 1).expand(-1, 1, *c.shape[2:])
    return torch.cat([c, y_init, h, plane.to(c)], dim=1)


def unpack(states: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Unpack c, t, y_init and h of `pack`, in float32 (t: int64)."""
    c, y_init, h = states[:, :9].float().split(3, dim=1)
    return c, states[:, 9, 0, 0].long(), y_init, h


def random_config(rng: random.Random) -> DPIConfig:
    """Draw the settings of one run, most of them near what people use."""
    return DPIConfig(
        steps=rng.choice(STEPS),
        tau=rng.randint(0, 400) if rng.random() < 0.85 else rng.randint(0, 1000),
        sparsity=rng.choices(SPARSITIES, SPARSITY_WEIGHTS)[0],
        eta=rng.choice((0.0, 0.0, 1.0, 1.0, rng.random())),
    )


def run_states(prior: Prior, corrector: Corrector, true: Tensor, condition: Tensor, config: DPIConfig) -> Tensor:
    """Record every state (steps x N, 10, h, w) in which one run over faces (N,3,H,W) asks the corrector; random seeds."""
    recorder = Recorder(corrector)
    seeds = torch.randint(2**31, (len(true),)).tolist()
    for _ in sample_steps(prior, condition, config, corrector=recorder, seeds=seeds):
        pass
    h = on_grid(true, config.sparsity)
    return torch.cat([pack(c, t, y_init, h) for c, t, y_init in recorder.asked])


def sampler_states(
    network: nn.Module, prior: Prior, pairs: Iterator[Tensor], device: torch.device, runs: int = 4
) -> Iterator[Tensor]:
    """Yield batches of states without end, from runs with `network` as it is then, `runs` of them shuffled together.

    `pairs` yields (N,2,H,W,3) uint8 of faces and dense conditions; the batches have N states of one sparsity.
    """
    rng = random.Random(int(torch.seed()))
    corrector = UNetCorrector(network)
    while True:
        found: dict[int, list[Tensor]] = defaultdict(list)
        size = 1
        for _ in range(runs):
            config, (true, condition) = random_config(rng), _both(next(pairs), device)
            size = len(true)
            with autocast(device):
                states = run_states(prior, corrector, true, condition, config)
            found[config.sparsity].append(states.half())  # t stays exact: whole numbers up to 2048 do
        batches = [batch for parts in found.values() for batch in _some(torch.cat(parts)).split(size)]
        rng.shuffle(batches)
        yield from batches


def forward_states(network: nn.Module, pairs: Iterator[Tensor], device: torch.device) -> Iterator[Tensor]:
    """Yield batches of states in FCM's form without end; they need no prior."""
    rng = random.Random(int(torch.seed()))
    corrector = UNetCorrector(network)
    alpha_bar = linear_alpha_bar().to(device, torch.float32)
    for pair in pairs:
        true, condition = _both(pair, device)
        k = rng.choices(SPARSITIES, SPARSITY_WEIGHTS)[0]
        h, y_init = on_grid(true, k), on_grid(condition, k)
        t = torch.randint(len(alpha_bar), (len(true),), device=device)
        ab = alpha_bar[t].view(-1, 1, 1, 1)
        y = y_init
        if rng.random() < 0.7:
            with torch.no_grad(), autocast(device):
                y = corrector(torch.randn_like(y_init), torch.full_like(t, len(alpha_bar) - 1), y_init)
        yield pack(ab.sqrt() * y + (1 - ab).sqrt() * torch.randn_like(y_init), t, y_init, h)


def alternating(most: Iterator[Tensor], others: Iterator[Tensor], share: float) -> Iterator[Tensor]:
    """Yield batches of both kinds in random order, a `share` (0 to 1) of them `others`."""
    rng = random.Random(int(torch.seed()))
    while True:
        yield next(others if rng.random() < share else most)


def _some(states: Tensor) -> Tensor:
    """Take a random part of the states, in random order."""
    return states[torch.randperm(len(states))[: max(1, round(KEPT * len(states)))]]


def _both(pairs: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Faces and dense conditions (N,3,H,W) from pairs (N,2,H,W,3) uint8."""
    return to_tensor(pairs[:, 0].to(device)), to_tensor(pairs[:, 1].to(device))
