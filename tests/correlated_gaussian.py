"""A Gaussian prior with correlated pixels, for which everything is known in closed form."""

import torch

from dpi_core.method.diffusion import linear_alpha_bar

SIDE, MEAN, STD, REACH = 8, 0.1, 0.15, 3.0


def covariance() -> torch.Tensor:
    """exp(-distance / reach) between the pixels of a channel, times the variance."""
    axis = torch.arange(SIDE, dtype=torch.float64)
    places = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 2)
    return STD**2 * torch.exp(-torch.cdist(places, places) / REACH)


class CorrelatedPrior:
    """Channels are independent N(mean, C): eps(x, t) = sqrt(1-ab) (ab C + (1-ab) I)^-1 (x - sqrt(ab) mean)."""

    image_size = SIDE

    def __init__(self):
        self.alpha_bar = linear_alpha_bar()
        self.values, self.vectors = torch.linalg.eigh(covariance())

    def predict_eps(self, x_t, t):
        ab = self.alpha_bar[t].double().view(-1, 1, 1)
        off = x_t.double().flatten(2) - ab.sqrt() * MEAN
        weighed = (off @ self.vectors) * (1 - ab).sqrt() / (ab * self.values + 1 - ab)
        return (weighed @ self.vectors.T).reshape(x_t.shape).to(x_t)


def drawn_face() -> torch.Tensor:
    """One face of the prior, (3, SIDE * SIDE) float64."""
    noise = torch.randn(3, SIDE**2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return MEAN + noise @ torch.linalg.cholesky(covariance()).T
