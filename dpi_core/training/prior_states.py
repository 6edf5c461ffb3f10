"""What the prior meets in training: states x_t with the face x0 that they should lead to.

noised   x_t = sqrt(ab) x0 + sqrt(1 - ab) eps: what every diffusion model learns from.
masked   the same, with x0 seen as DPI's states show it under a mask M:
             x0 + g M (y - x0) + (1 - M) b
         On the grid a blurred face y takes the place of x0, with a gain g of 0 to 2.5, since at eta 0 what FCM puts on
         the grid enters eps and adds up over the steps; between the grid's pixels b is a smooth error, since there the
         sample is still on its way to the condition.
own      the states of DPI runs with the prior as it is now (dataset aggregation, Ross et al. 2011), down to t = 100: it
         learns to read off the grid what its own estimates still lack. Below, where the fine detail is made, they
         teach it to smooth (the model card tells). The runs keep to the settings that people use, since what is rare
         among the states is hardly learnt.
"""

import random
from collections import deque
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dpi_core.imaging.degradation import Degradation, blind_degradation, downscale
from dpi_core.imaging.pixels import to_tensor
from dpi_core.method.config import DPIConfig
from dpi_core.method.interfaces import Corrector, Prior
from dpi_core.method.masks import on_grid
from dpi_core.method.resampling import dense_condition
from dpi_core.method.sampler import sample_steps
from dpi_core.method.timesteps import TRAIN_TIMESTEPS, timestep_pairs
from dpi_core.models.devices import autocast

MASKED_SPARSITIES, SMOOTH_CELLS, MAX_GAIN = (2, 2, 2, 3, 4), (1, 2, 4, 8, 16, 32), 2.5
LEAST_LOW_RES = 8  # pixels a side of the smallest condition: x16
MASKED_FROM = 50  # below it the deviations of the grid, as noise, outgrow what the network can answer
OWN_FROM, OWN_TO = 100, 700
FINE_T = 100
OWN_SPARSITIES, OWN_ETAS = (*(2,) * 8, 3, 4), (*(0.0,) * 8, 0.5, 1.0)
OWN_STEPS = 14, 26  # from .. to
OWN_MAX_TAU = 400  # low ones are more frequent, with which FCM's states go further down
OWN_MILD, OWN_SCALES = 0.6, (4, 4, 8, 16)  # share of plain bicubic reductions; at x4 there is most to be read off
LOW_T = 300  # up to it most is still to be read off the grid
KEPT_LOW, KEPT_HIGH = 0.8, 0.25  # shares of a run's states that are kept, which tell much the same: up to LOW_T, above
POOL_RUNS, USES = 8, 8  # runs whose states are drawn from at a time; how often a state is drawn on average


def pack(x_t: Tensor, t: Tensor, x0: Tensor) -> Tensor:
    """States as one tensor (N,7,H,W): sample, clean face, timestep (exact in float16: whole numbers up to 2048)."""
    plane = t.view(-1, 1, 1, 1).expand(-1, 1, *x_t.shape[2:])
    return torch.cat([x_t, x0, plane.to(x_t)], dim=1)


def unpack(states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x_t, t and x0 of `pack`, in float32 (t: int64)."""
    x_t, x0 = states[:, :6].float().split(3, dim=1)
    return x_t, states[:, 6, 0, 0].long(), x0


def made_up_states(faces: Iterator[Tensor], alpha_bar: Tensor, masked: float, device: torch.device) -> Iterator[Tensor]:
    """Batches of noised faces without end, a share of them (`masked`, 0 to 1) seen under a mask.

    Args:
        faces: batches (N,H,W,3) uint8.
        alpha_bar: (T,), the schedule.
    """
    alpha_bar = alpha_bar.to(device, torch.float32)
    for pixels in faces:
        x0 = to_tensor(pixels.to(device, non_blocking=True))
        yield pack(*noised(x0, alpha_bar, masked), x0)


def noised(x0: Tensor, alpha_bar: Tensor, masked: float = 0.0) -> tuple[Tensor, Tensor]:
    """x_t and t for clean faces `x0` (N,3,H,W) in [-1, 1]. Half the timesteps are drawn below 600, where DPI decides what
    one sees, and a sixth below `FINE_T`, where the fine detail is made."""
    count, device = len(x0), x0.device
    kind = torch.rand(count, device=device)
    top = torch.where(kind < 1 / 6, FINE_T, torch.where(kind < 2 / 3, 600, TRAIN_TIMESTEPS))
    t = (torch.rand(count, device=device) * top).long()
    ab = alpha_bar[t].view(-1, 1, 1, 1)
    chosen = ((torch.rand(count, device=device) < masked) & (t >= MASKED_FROM)).view(-1, 1, 1, 1)
    seen = torch.where(chosen, under_mask(x0, (1 - ab).sqrt()), x0) if masked else x0
    return ab.sqrt() * seen + (1 - ab).sqrt() * torch.randn_like(x0), t


def under_mask(x0: Tensor, sigma: Tensor) -> Tensor:
    """Faces `x0` (N,3,H,W) as DPI's states show them under a mask; `sigma` (N,1,1,1) is sqrt(1 - alpha_bar).

    The grid's pixels lie between the face and its low-resolution condition, or beyond the latter; the others are off by
    a smooth field whose standard deviation is at most half of `sigma`. That is more than runs show at low t: a prior
    trained on what they show believes the grid's colours less, and the result agrees with the input less.
    """

    def uniform() -> Tensor:
        return torch.rand(len(x0), 1, 1, 1, device=x0.device)

    k = _one_of(MASKED_SPARSITIES)
    low_res = downscale(x0, max(1.0, x0.shape[-1] / LEAST_LOW_RES) ** float(torch.rand(())))
    blurred = dense_condition(low_res, *x0.shape[2:])
    h = on_grid(x0, k)
    on_the_grid = h + MAX_GAIN * uniform() * uniform() * (on_grid(blurred, k) - h)
    cells = torch.randn(len(x0), 3, *(_one_of(SMOOTH_CELLS),) * 2, device=x0.device)
    smooth = F.interpolate(cells, x0.shape[2:], mode="bicubic", align_corners=False)
    seen = x0 + 0.5 * uniform() * sigma * smooth
    on_grid(seen, k).copy_(on_the_grid)
    return seen


def own_degradation(rng: np.random.Generator) -> Degradation:
    """A degradation of the faces that a prior's own runs restore."""
    if rng.random() < OWN_MILD:
        return Degradation(scale=float(rng.choice(OWN_SCALES)))
    return blind_degradation(rng)


def own_states(
    prior: Prior, corrector: Corrector, pairs: Iterator[Tensor], count: int, device: torch.device
) -> Iterator[Tensor]:
    """Batches of `count` states without end, drawn from the last `POOL_RUNS` runs with `prior` as it was at the time.

    `pairs` yields (N,2,H,W,3) uint8 of faces and dense conditions, restored together in one run.
    """
    rng = random.Random(int(torch.seed()))
    pool: deque[Tensor] = deque(maxlen=POOL_RUNS)
    while True:
        pair = next(pairs).to(device)
        config = DPIConfig(
            steps=rng.randint(*OWN_STEPS),
            tau=round(OWN_MAX_TAU * rng.random() ** 2),
            sparsity=rng.choice(OWN_SPARSITIES),
            eta=rng.choice(OWN_ETAS),
        )
        with autocast(device):
            states = run_states(prior, corrector, to_tensor(pair[:, 0]), to_tensor(pair[:, 1]), config)
        pool.append(_some(states.half()))
        if len(pool) < POOL_RUNS:
            continue
        drawn_from = torch.cat(list(pool))
        for _ in range(round(USES * len(drawn_from) / POOL_RUNS / count)):
            yield drawn_from[torch.randint(len(drawn_from), (count,), device=drawn_from.device)]


def _some(states: Tensor) -> Tensor:
    """A random part of the states, more of those at low t."""
    share = torch.where(states[:, 6, 0, 0] <= LOW_T, KEPT_LOW, KEPT_HIGH)
    return states[torch.rand(len(states), device=states.device) < share]


def run_states(prior: Prior, corrector: Corrector, true: Tensor, condition: Tensor, config: DPIConfig) -> Tensor:
    """The states (M,7,H,W) from t = 700 to 100 that one run over faces (N,3,H,W) shows the prior; random seeds."""
    seeds = torch.randint(2**31, (len(true),)).tolist()
    events = sample_steps(prior, condition, config, corrector=_Once(corrector), seeds=seeds)
    found = []
    for event, (_, t) in zip(events, timestep_pairs(config.steps, len(prior.alpha_bar)), strict=False):
        if t < OWN_FROM:
            break
        if t <= OWN_TO:
            found.append(pack(event.x_t, torch.full((len(true),), t, device=true.device), true))
    return torch.cat(found)


def mixed_states(made_up: Iterator[Tensor], own: Iterator[Tensor]) -> Iterator[Tensor]:
    """Batches as large as those `made_up`, in which the next of its `own` states take the place of as many."""
    for states, found in zip(made_up, own, strict=False):
        yield torch.cat([states[len(found) :], found])


class _Once:
    """A corrector that is asked at the first step only: later its answer is nearly the same (`evaluation.stages`)."""

    def __init__(self, corrector: Corrector):
        self.corrector = corrector
        self.answer: Tensor | None = None

    def __call__(self, noisy_grid: Tensor, t: Tensor, condition_grid: Tensor) -> Tensor:
        if self.answer is None:
            self.answer = self.corrector(noisy_grid, t, condition_grid)
        return self.answer


def _one_of(choices: tuple[int, ...]) -> int:
    return choices[int(torch.randint(len(choices), ()))]
