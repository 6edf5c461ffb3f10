"""Diffusion Prior Interpolation (Yang et al., AAAI 2025, arXiv 2412.16552) as a generator of steps.

    x ~ N(0, I);  y = y_init = G(condition)
    for (t, t_prev) from noisy to clean:
        eps = prior(x, t);  x0 = clip(...);  x' = ddim_step(x0, eps, z)      (the last step returns x0)
        y' = ddim_step(y, G(eps), G(z))                                       the condition, noised to the same level
        t > tau   FCM:   G(x') = y'                                           consistency: the whole grid is given
        t <= tau  RACM:  G(x') = A (w y' + (1 - w) G(x')) + (1 - A) G(x')     fidelity: A ~ Bernoulli(edges(y)^s),
                                                                              w = min(1, t/omega)
        y = corrector(G(x'), t, y_init);  x = x'

eps in x' is the one that makes x of the clipped x0, (x - sqrt(ab) x0) / sqrt(1 - ab).

Ours, and off as published: x0 made to agree with the input while t < consistent_below (`dpi_core.method.consistency`), eps
staying the prior's, as in DDNM: derived anew it would hold what was changed, ever more of it the less noise is left;
A of the same mean, but the same everywhere (`uniform_mask`); timesteps closer together towards the end (`spacing`).

`sample_steps` is the primitive and `sample` drains it. Nothing here loads, saves or draws anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.method.condition_stages import fcm, racm
from dpi_core.method.config import MAX_SEED, DPIConfig, check_int
from dpi_core.method.consistency import agreed, corrected, project
from dpi_core.method.diffusion import (
    SeededNoise,
    ddim_step,
    eps_from_x0,
    predict_x0,
    step_coefficients,
)
from dpi_core.method.interfaces import Corrector, Prior
from dpi_core.method.masks import dense_mask, edge_probability, evenly, fixed_mask, on_grid
from dpi_core.method.reduction import Reduction
from dpi_core.method.timesteps import Stage, stage_of, timestep_pairs

__all__ = ["DPIConfig", "StepEvent", "sample", "sample_steps"]


@dataclass(frozen=True, eq=False)
class StepEvent:
    """What one step did.

    Attributes:
        index, total: this step, 0 to total - 1, and the number of steps.
        t: the training timestep the prior was called at.
        stage: "FCM" or "RACM", or "guided" (`dpi_core.baselines`); the last step, which returns its x0, is "final".
        x_t: (N,3,H,W) the sample after the step.
        x0: (N,3,H,W) the clean estimate of this step, in [-1, 1].
        mask: (N,1,H,W) bool, the pixels tied to the condition at this step (none at the final one).
        condition: (N,3,H/k,W/k) the condition on the grid, after the corrector.
    """

    index: int
    total: int
    t: int
    stage: Stage
    x_t: Tensor
    x0: Tensor
    mask: Tensor
    condition: Tensor


def sample_steps(
    prior: Prior,
    condition: Tensor,
    config: DPIConfig,
    *,
    corrector: Corrector | None = None,
    seeds: Sequence[int] = (0,),
    low_res: Tensor | None = None,
    after: StepEvent | None = None,
) -> Iterator[StepEvent]:
    """Restore faces step by step.

    Args:
        prior: the face prior; its `alpha_bar` gives the schedule.
        condition: (B,3,H,W) float in [-1, 1], the dense condition: the low-resolution face upsampled to H x W.
        config: the settings; without a `corrector`, or with `config.correct` off, the condition stays as it is, and
            `correct_input` agrees with the input itself.
        corrector: refines the condition on the grid after every step, or every `config.correct_every`-th.
        seeds: N = one per sample; B must be N, or 1 and is then shared by all seeds. Each seed's result does not
            depend on the other seeds.
        low_res: (B,3,h,w) in [-1, 1], the low-resolution face; only `config.project` and `consistent_below` need it.
        after: go on after this event of a run with as many steps, spaced alike, and the same sparsity, instead of from
            noise. With that run's seeds and settings the rest comes out the same, bit for bit; FCM does not know tau, so tau
            may differ below the event's t. Other seeds branch off there; an event of one sample is shared by all seeds.

    Yields:
        StepEvent: one per step, `config.steps` in all, on the device of `condition`.

    Raises:
        ValueError: on a condition, seeds or an event of the wrong shape or range (at once, not at the first step).
    """
    seeds = _check_inputs(condition, seeds, len(prior.alpha_bar), config)
    if (config.project or config.consistent_below) and low_res is None:
        wish = "project is True" if config.project else f"consistent_below is {config.consistent_below}"
        raise DPIError(f"{wish}, but low_res, the low-resolution face to agree with, is not given.")
    if after is not None:
        _check_event(after, condition, len(seeds), config, len(prior.alpha_bar))
    dense = condition.expand(len(seeds), -1, -1, -1)
    return _run(prior, dense, config, corrector if config.correct else None, seeds, low_res, after)


def sample(
    prior: Prior,
    condition: Tensor,
    config: DPIConfig,
    *,
    corrector: Corrector | None = None,
    seeds: Sequence[int] = (0,),
    low_res: Tensor | None = None,
) -> Tensor:
    """Restore faces (N,3,H,W) in [-1, 1]: the last x0 of `sample_steps`, whose arguments it takes."""
    x0 = condition
    for event in sample_steps(prior, condition, config, corrector=corrector, seeds=seeds, low_res=low_res):
        x0 = event.x0
    return x0


def _check_inputs(condition: Tensor, seeds: Sequence[int], num_timesteps: int, config: DPIConfig) -> tuple[int, ...]:
    if condition.ndim != 4 or condition.shape[1] != 3 or min(condition.shape) < 1:
        raise DPIError(f"condition has shape {tuple(condition.shape)}; expected (B, 3, H, W).")
    if not condition.is_floating_point():
        raise DPIError(f"condition is {condition.dtype}; expected floats in [-1, 1].")
    if min(condition.shape[2:]) < 2 * config.sparsity:
        raise DPIError(
            f"condition is {condition.shape[3]}x{condition.shape[2]} pixels, smaller than two cells of sparsity "
            f"{config.sparsity}; use a larger image or a smaller sparsity."
        )
    if config.steps > num_timesteps:
        raise DPIError(f"steps is {config.steps}; allowed is 1 to {num_timesteps}, the prior's schedule.")
    seeds = tuple(seeds)
    for seed in seeds:
        check_int("seed", seed, 0, MAX_SEED)
    if not seeds or condition.shape[0] not in (1, len(seeds)):
        raise DPIError(f"{len(seeds)} seeds for {condition.shape[0]} conditions; expected as many, or one condition.")
    return seeds


def _check_event(after: StepEvent, condition: Tensor, samples: int, config: DPIConfig, num_timesteps: int) -> None:
    grid = tuple(-(-side // config.sparsity) for side in condition.shape[2:])
    sizes = (after.x_t.shape[1:], after.condition.shape[2:]) == (condition.shape[1:], grid)
    pairs = timestep_pairs(config.steps, num_timesteps, config.spacing)
    steps = after.total == config.steps and after.t == pairs[after.index][0]
    if not (sizes and steps) or len(after.x_t) not in (1, samples) or after.stage == "final":
        raise DPIError(
            f"after is step {after.index + 1} of {after.total} ({after.stage}) with {len(after.x_t)} samples; it must be "
            f"one of {config.steps} steps before the last, of the same spacing, face size and sparsity, with 1 or {samples} "
            "samples."
        )


@torch.no_grad()
def _run(
    prior: Prior,
    condition: Tensor,
    config: DPIConfig,
    corrector: Corrector | None,
    seeds: tuple[int, ...],
    low_res: Tensor | None,
    after: StepEvent | None,
) -> Iterator[StepEvent]:
    batch, channels, height, width = condition.shape
    k = config.sparsity
    noise = SeededNoise(seeds)
    y_init = on_grid(condition, k).contiguous()
    every_pixel = fixed_mask(batch, k, height, width, condition.device)
    y = y_init
    x = noise.normal((channels, height, width), like=condition)
    if config.consistent_below and low_res is not None:
        reduction = Reduction.between(condition, low_res)
        target = low_res.to(condition)
        if config.correct_input and corrector is not None:
            noisiest = torch.full((batch,), len(prior.alpha_bar) - 1, device=x.device)
            target = reduction.apply(corrected(corrector, x, noisiest, condition, k))
    pairs = timestep_pairs(config.steps, len(prior.alpha_bar), config.spacing)
    stages = [stage_of(t, t_prev, config.tau) for t, t_prev in pairs]
    done = 0 if after is None else after.index + 1
    if after is not None:
        for stage in stages[:done]:
            _skip_step(noise, x, y_init, stage)
        x, y = after.x_t.expand_as(x).to(x), after.condition.expand_as(y_init).to(x)

    for index, (t, t_prev) in list(enumerate(pairs))[done:]:
        c = step_coefficients(prior.alpha_bar, t, t_prev, config.eta)
        timesteps = torch.full((batch,), t, device=x.device, dtype=torch.long)
        eps = prior.predict_eps(x, timesteps)
        x0 = predict_x0(x, eps, c)
        eps_clipped = eps_from_x0(x, x0, c)
        if t < config.consistent_below:
            x0 = agreed(x0, target, reduction, config.noise_level, c)
        stage = stages[index]
        if stage == "final":
            x0 = project(x0, low_res.to(x0)) if config.project and low_res is not None else x0
            yield StepEvent(index, len(pairs), t, stage, x0, x0, torch.zeros_like(every_pixel), y)
            return
        z = noise.normal((channels, height, width), like=condition)
        x_next = ddim_step(x0, eps_clipped, z, c)
        y_eps = eps if config.raw_eps else eps_clipped
        y_noisy = ddim_step(y, on_grid(y_eps, k), on_grid(z, k), c)

        if stage == "FCM":
            mask = every_pixel
            grid = fcm(x_next, y_noisy, k)
        else:
            probability = edge_probability(y, config.edge_exponent)
            kept = noise.bernoulli(evenly(probability) if config.uniform_mask else probability)
            mask = dense_mask(kept, k, height, width)
            weight = min(1.0, t / config.omega)  # above 1 it would lead past the condition, further at every step
            grid = racm(x_next, y_noisy, kept, weight, k)
        if corrector is None:
            y = y_init
        elif (index - stages.index(stage)) % config.correct_every == 0:  # counted from the stage's first step
            y = corrector(grid.contiguous(), timesteps, y_init)
        x = x_next
        yield StepEvent(index, len(pairs), t, stage, x, x0, mask, y)


def _skip_step(noise: SeededNoise, x: Tensor, grid: Tensor, stage: Stage) -> None:
    """Draw what a step draws, so that a run which goes on there finds its generators where it left them."""
    noise.normal(x.shape[1:], like=x)
    if stage == "RACM":
        noise.bernoulli(torch.full_like(grid[:, :1], 0.5))
