from itertools import combinations

import pytest
import torch

from dpi_core.measure.comparison import compare, most_different, pairwise


def results(count=6, size=8, seed=0):
    return torch.rand((count, 3, size, size), generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_distances_are_a_metric_in_levels():
    x = results()
    d = pairwise(x)
    assert torch.equal(d, d.T)
    assert (d.diagonal() == 0).all()
    assert (d + 1e-4 >= (d[:, None] - d[None]).abs().amax(dim=2)).all()  # the triangle's sides
    flat = torch.zeros(2, 3, 4, 4)
    flat[1] = 10 / 127.5
    assert float(pairwise(flat)[0, 1]) == pytest.approx(10, rel=1e-5)


def test_a_comparison_holds_mean_spread_and_distances():
    x = results()
    found = compare(x, range(6))
    assert found.seeds == (0, 1, 2, 3, 4, 5)
    assert torch.allclose(found.mean, x.mean(dim=0))
    assert torch.allclose(found.std, x.std(dim=0, unbiased=False).mean(dim=0) * 127.5, atol=1e-4)
    assert found.diversity == pytest.approx(float(found.std.mean()))
    expected = [float((row - x.mean(dim=0)).square().mean().sqrt()) * 127.5 for row in x]
    assert found.to_mean == pytest.approx(expected, rel=1e-4)


def test_the_most_typical_is_the_one_nearest_to_the_mean():
    around = results()
    outlier = around[:1] + 5
    assert compare(torch.cat([outlier, around]), range(7)).typical != 0
    assert compare(torch.cat([outlier, around, around.mean(dim=0, keepdim=True)]), range(8)).typical == 7
    assert compare(around[:2], (0, 1)).typical is None, "two are as far from their mean"


def test_equal_results_have_no_diversity():
    found = compare(results(1).expand(3, -1, -1, -1), (1, 2, 3))
    assert found.diversity == pytest.approx(0, abs=1e-4)
    assert most_different(found.distances, 3) == [0, 1, 2]


def test_the_first_two_picked_are_the_pair_furthest_apart():
    d = pairwise(results(9))
    a, b = most_different(d, 2)
    assert float(d[a, b]) == float(d.max())


@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_picked_ones_are_at_least_half_as_spread_as_the_best_choice(count):
    # Gonzalez' bound: the greedy choice's smallest distance is at least half of the optimum's
    for seed in range(5):
        d = pairwise(results(8, seed=seed))

        def spread(chosen, d=d):
            return min(float(d[i, j]) for i, j in combinations(chosen, 2))

        picked = most_different(d, count)
        assert len(set(picked)) == count
        assert spread(picked) >= 0.5 * max(spread(c) for c in combinations(range(8), count)) - 1e-4


def test_outliers_are_picked_before_doubles():
    x = results(3)
    doubled = torch.cat([x, x + 0.001])  # six results, of which three are all but copies
    assert {i % 3 for i in most_different(pairwise(doubled), 3)} == {0, 1, 2}


@pytest.mark.parametrize("count", [0, 7, -1])
def test_an_impossible_number_is_named(count):
    with pytest.raises(ValueError, match=f"count is {count}; allowed is 1 to 6"):
        most_different(pairwise(results()), count)


def test_seeds_must_fit_the_results():
    with pytest.raises(ValueError, match="2 seeds for 6 results"):
        compare(results(), (1, 2))
