import pytest
import torch

from dpi_core.method.condition_stages import fcm, racm
from dpi_core.method.masks import on_grid

pytestmark = pytest.mark.usefixtures("seeded")


def between(x: torch.Tensor, k: int) -> torch.Tensor:
    """The pixels that are not on the grid."""
    off = torch.ones_like(x, dtype=torch.bool)
    on_grid(off, k).fill_(False)
    return x[off]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_fcm_puts_the_condition_on_the_grid_and_touches_nothing_else(k):
    x = torch.randn(2, 3, 12, 12)
    before, y = x.clone(), torch.randn(2, 3, 12 // k, 12 // k)
    grid = fcm(x, y, k)
    assert torch.equal(on_grid(x, k), y)
    assert torch.equal(grid, y)
    assert torch.equal(between(x, k), between(before, k))


def test_racm_mixes_where_it_is_kept_and_nowhere_else():
    x, y, kept = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 4, 4), torch.rand(2, 1, 4, 4) < 0.5
    before = x.clone()
    grid = racm(x, y, kept, 0.25, 2)
    mask = kept.expand_as(y)
    assert torch.allclose(grid[mask], (0.25 * y + 0.75 * on_grid(before, 2))[mask])
    assert torch.equal(grid[~mask], on_grid(before, 2)[~mask])
    assert torch.equal(between(x, 2), between(before, 2))


def test_racm_with_everything_kept_at_full_weight_is_fcm():
    x, y = torch.randn(1, 3, 8, 8), torch.randn(1, 3, 4, 4)
    other = x.clone()
    racm(x, y, torch.ones(1, 1, 4, 4, dtype=torch.bool), 1.0, 2)
    fcm(other, y, 2)
    assert torch.equal(x, other)
