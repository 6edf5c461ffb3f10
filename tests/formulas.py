"""Networks of one line each, which answer at once and whose answers are known."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dpi_core.method.diffusion import linear_alpha_bar


class AnalyticPrior:
    """The reference runs' prior: eps(x, t) = x - (1 - t/1000) 0.6 tanh(blur(x)), blur = [1 2 1] x [1 2 1] / 16."""

    image_size = 32

    def __init__(self) -> None:
        self.alpha_bar = linear_alpha_bar()
        self.calls: list[int] = []
        row = torch.tensor([1.0, 2.0, 1.0])
        self._kernel = (row[:, None] * row / 16).expand(3, 1, 3, 3)

    def predict_eps(self, x_t: Tensor, t: Tensor) -> Tensor:
        self.calls.append(len(x_t))
        blurred = F.conv2d(F.pad(x_t, (1, 1, 1, 1), mode="reflect"), self._kernel, groups=3)
        return x_t - (1 - t.view(-1, 1, 1, 1) / 1000) * 0.6 * torch.tanh(blurred)


def analytic_corrector(noisy_grid: Tensor, t: Tensor, condition_grid: Tensor) -> Tensor:
    """The reference runs' corrector: y0 + 0.05 (1 - min(t/1000, 1)) tanh(y)."""
    return condition_grid + 0.05 * (1 - (t.view(-1, 1, 1, 1) / 1000).clamp(max=1)) * torch.tanh(noisy_grid)


def random_condition(batch: int = 1, size: int = 32, seed: int = 3) -> Tensor:
    """(N,3,H,W): noise, a little blurred."""
    noise = torch.rand((batch, 3, size, size), generator=torch.Generator().manual_seed(seed))
    return F.avg_pool2d(noise, 3, stride=1, padding=1) * 2 - 1


class FacePrior(AnalyticPrior):
    """The same with the embedded prior's size and crop."""

    image_size, template = 128, "tight-128"


def use_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the embedded models' names stand for formulas, which answer at once."""
    from dpi_core.restore import restorer

    def unless_embedded(load: Callable, formula: Callable) -> Callable:
        return lambda name, device: formula() if name == "embedded" else load(name, device)

    monkeypatch.setattr(restorer, "load_prior", unless_embedded(restorer.load_prior, FacePrior))
    monkeypatch.setattr(
        restorer, "load_corrector", unless_embedded(restorer.load_corrector, lambda: analytic_corrector)
    )
