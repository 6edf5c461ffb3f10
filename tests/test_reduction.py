"""The bicubic reduction as an operator: what an adjoint, a pseudo-inverse and a proximal step are by definition."""

import pytest
import torch

from dpi_core.method.reduction import Reduction
from dpi_core.method.resampling import resize

SIZES = [((32, 32), (4, 4)), ((32, 32), (8, 8)), ((24, 40), (7, 11)), ((16, 16), (16, 16)), ((32, 32), (23, 19))]


def drawn(*shape, seed=0):
    return torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(params=SIZES, ids=str)
def case(request):
    x, y = drawn(*request.param[0]), drawn(*request.param[1], seed=1)
    return Reduction.between(x, y), x, y


def test_it_is_the_reduction_that_the_project_uses(case):
    reduction, x, y = case
    assert torch.allclose(reduction.apply(x), resize(x, *y.shape[2:]), atol=1e-6)


def test_the_adjoint_is_one(case):
    reduction, x, y = case
    assert torch.allclose((reduction.apply(x) * y).sum(), (x * reduction.adjoint(y)).sum())


def test_the_pseudo_inverse_meets_the_four_conditions_of_penrose(case):
    reduction, x, y = case
    seen, there = reduction.pseudo_inverse(reduction.apply(x)), reduction.apply(reduction.pseudo_inverse(y))
    assert torch.allclose(reduction.apply(seen), reduction.apply(x), atol=1e-9)
    assert torch.allclose(reduction.pseudo_inverse(there), reduction.pseudo_inverse(y), atol=1e-9)
    other_x, other_y = drawn(*x.shape[2:], seed=2), drawn(*y.shape[2:], seed=3)
    assert torch.allclose((seen * other_x).sum(), (x * reduction.pseudo_inverse(reduction.apply(other_x))).sum())
    assert torch.allclose((there * other_y).sum(), (y * reduction.apply(reduction.pseudo_inverse(other_y))).sum())


def test_what_is_seen_and_what_is_not_make_the_whole(case):
    reduction, x, _ = case
    seen = reduction.from_coefficients(reduction.coefficients(x))
    assert torch.allclose(seen + reduction.unseen(x), x)
    assert reduction.apply(reduction.unseen(x)).abs().max() < 1e-9
    assert torch.allclose(reduction.measured(reduction.apply(x)), reduction.coefficients(x), atol=1e-9)


def test_the_singular_values_are_those_of_the_whole_matrix():
    x, y = drawn(12, 8), drawn(5, 4, seed=1)
    reduction = Reduction.between(x, y)
    matrix = reduction.apply(torch.eye(96, dtype=torch.float64).reshape(96, 1, 12, 8)).flatten(1)
    expected = torch.linalg.svdvals(matrix)
    assert torch.allclose(reduction.singular.flatten().sort(descending=True).values, expected)


@pytest.mark.parametrize("weight", [0.01, 0.5, 3.0])
def test_the_proximal_step_is_where_the_slope_vanishes(case, weight):
    reduction, x, y = case
    z = reduction.proximal(x, y, weight)
    slope = reduction.adjoint(reduction.apply(z) - y) + weight * (z - x)
    assert slope.abs().max() < 1e-9


def test_the_proximal_step_goes_from_the_projection_to_staying(case):
    reduction, x, y = case
    assert torch.allclose(reduction.apply(reduction.proximal(x, y, 0.0)), y, atol=1e-9)
    assert torch.allclose(reduction.proximal(x, y, 1e12), x, atol=1e-9)
