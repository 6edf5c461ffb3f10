"""Which timesteps are drawn in training, and what the squared error of v counts there, by name.

min-snr-5, min-snr-20  t uniform, weight min(SNR, g) / (SNR + 1) (Hang et al. 2023)
edm                    half of the samples as Karras et al. (2022) draw them, ln sigma ~ N(-1.2, 1.2^2) with
                       sigma^2 = (1 - ab) / ab, the other half uniform in t; weight 1
uniform-v              t uniform, weight 1
"""

import torch
from torch import Tensor

MIN_SNR = {"min-snr-5": 5.0, "min-snr-20": 20.0}
EDM_MEAN, EDM_DEVIATION, EDM_SHARE = -1.2, 1.2, 0.5
WEIGHTINGS = (*MIN_SNR, "edm", "uniform-v")


def draw_timesteps(weighting: str, count: int, alpha_bar: Tensor) -> Tensor:
    """Draw random timesteps (`count`,) int64, where `alpha_bar` (T,) is."""
    device, steps = alpha_bar.device, len(alpha_bar)
    t = torch.randint(steps, (count,), device=device)
    if weighting != "edm":
        return t
    log_sigma = ((1 - alpha_bar) / alpha_bar).log() / 2
    drawn = EDM_MEAN + EDM_DEVIATION * torch.randn(count, device=device)
    between = (log_sigma[1:] + log_sigma[:-1]) / 2
    near = torch.bucketize(drawn.to(between), between)
    return torch.where(torch.rand(count, device=device) < EDM_SHARE, near, t)


def weights_of(weighting: str, alpha_bar: Tensor) -> Tensor:
    """Tell what the squared error of v counts at each t, (T,)."""
    if weighting not in MIN_SNR:
        return torch.ones_like(alpha_bar)
    snr = alpha_bar / (1 - alpha_bar)
    return snr.clamp(max=MIN_SNR[weighting]) / (snr + 1)
