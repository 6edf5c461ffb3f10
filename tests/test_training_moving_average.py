import pytest
import torch
from torch import nn

from dpi_core.training.moving_average import RAMP, MovingAverage, decay

pytestmark = pytest.mark.usefixtures("seeded")
LATE = 10**9


@pytest.mark.parametrize("batch", [1, 16, 512])
def test_after_a_half_life_half_is_left_whatever_the_batch(batch):
    half_life = 4096
    left = decay(half_life, batch, LATE) ** (half_life / batch)
    assert left == pytest.approx(0.5)


def test_early_a_half_life_is_a_share_of_what_was_seen():
    assert decay(1000, 16, 400) == pytest.approx(0.5 ** (16 / (RAMP * 400)))
    assert decay(1000, 16, round(1000 / RAMP) + 1) == pytest.approx(0.5 ** (16 / 1000))


def test_it_is_the_sum_of_the_weights_that_were():
    network = nn.Linear(1, 1, bias=False)
    average = MovingAverage(network, 64)
    seen = [network.weight.item()]
    for step in range(1, 30):
        nn.init.constant_(network.weight, float(step))
        seen.append(float(step))
        average.update(16, LATE)
    kept = 0.5 ** (16 / 64)
    steps = len(seen) - 1
    closed = kept**steps * seen[0] + sum((1 - kept) * kept ** (steps - i) * w for i, w in enumerate(seen) if i)
    assert float(average.weights["weight"]) == pytest.approx(closed, rel=1e-5)
    assert float(network.weight) == 29


def test_counters_are_the_networks_own_and_what_was_loaded_goes_on():
    network = nn.BatchNorm2d(2)
    average = MovingAverage(network, 1e9)
    network(torch.randn(4, 2, 3, 3))
    average.update(4, LATE)
    assert average.weights["num_batches_tracked"] == 1
    average.load({"weight": torch.tensor([3.0, 4.0])})
    assert average.weights["weight"].tolist() == [3.0, 4.0]
    assert network.weight.tolist() == [1.0, 1.0]
