"""Sheets of pictures that a person judges a model by."""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from dpi_core.imaging.degradation import downscale
from dpi_core.method.config import DPIConfig
from dpi_core.method.diffusion import SeededNoise, ddim_step, eps_from_x0, predict_x0, step_coefficients
from dpi_core.method.interfaces import Corrector
from dpi_core.method.resampling import dense_condition
from dpi_core.method.sampler import sample
from dpi_core.method.timesteps import timestep_pairs
from dpi_core.models.priors import UNetPrior
from dpi_core.show.figures import grid_sheet


@torch.no_grad()
def unconditional_samples(prior: UNetPrior, seeds: Sequence[int], steps: int = 50, eta: float = 0.0) -> Tensor:
    """Draw plain DDIM samples (N,3,H,W) in [-1, 1], one per seed; `eta` 1 renews the noise at every step."""
    device = next(prior.unet.parameters()).device
    shape = (3, prior.image_size, prior.image_size)
    noise, like = SeededNoise(seeds), torch.empty(0, device=device)
    x = noise.normal(shape, like)
    x0 = x
    for t, t_prev in timestep_pairs(steps, len(prior.alpha_bar)):
        c = step_coefficients(prior.alpha_bar, t, t_prev, eta)
        x0 = predict_x0(x, prior.predict_eps(x, torch.full((len(x),), t, device=device)), c)
        x = ddim_step(x0, eps_from_x0(x, x0, c), noise.normal(shape, like), c)
    return x0


def unconditional_sheet(prior: UNetPrior, seeds: Sequence[int], columns: int = 8) -> Image.Image:
    """Draw a grid of unconditional samples."""
    return grid_sheet(list(unconditional_samples(prior, seeds)), columns)


def restoration_sheet(prior: UNetPrior, corrector: Corrector, true: Tensor, scale: int = 8) -> Image.Image:
    """Draw true faces (N,3,S,S), their conditions, and what DPI makes of them at tau 350 and 150, row by row."""
    device = next(prior.unet.parameters()).device
    condition = dense_condition(downscale(true, scale), *true.shape[2:]).to(device)
    rows = [true, condition]
    for tau in (350, 150):
        rows.append(sample(prior, condition, DPIConfig(tau=tau), corrector=corrector, seeds=range(len(true))))
    return grid_sheet([image for row in rows for image in row], len(true))
