import argparse

import pytest
import torch
from torch import nn
from training_runs import rows, samples_seen

from dpi_core.training.loop import Averages, RunSettings, share, train

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("seeded")


TARGET = torch.tensor([0.5, -0.3, 0.2]).view(1, 3, 1, 1)


def fitted(out, minutes: float, half_lives=(20,), **more) -> Averages:
    """A convolution trained to weigh the channels as `TARGET` does."""

    def loss_of(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return (network(x) - (x * TARGET).sum(dim=1, keepdim=True)).square().mean()

    network = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False))
    data = iter(lambda: torch.randn(8, 3, 1, 1), None)
    settings = RunSettings(out, minutes, 0.05, half_lives, CPU, **more)
    return train(network, loss_of, data, settings, lambda averages: None)


def weight_of(averages: Averages, suffix: str = "") -> torch.Tensor:
    return averages[suffix].state_dict()["0.weight"]


def test_the_loop_finds_a_minimum_hands_over_the_average_and_resumes(tmp_path):
    averages = fitted(tmp_path, 0.02)
    first = samples_seen(tmp_path)
    assert first > 0
    assert first % 8 == 0
    assert torch.allclose(weight_of(averages), TARGET, atol=0.1)
    assert not averages[""].training
    again = fitted(tmp_path, 0)  # no time for a step: what was there is handed over again
    assert samples_seen(tmp_path) == first
    assert torch.equal(weight_of(again), weight_of(averages))
    log = rows(tmp_path / "loss.csv")
    assert list(log[0]) == ["samples", "seconds", "loss"]
    assert float(log[-1]["loss"]) < float(log[0]["loss"])
    assert not (tmp_path / "checkpoint.pt.part").exists()


def test_a_run_goes_on_from_shards_as_from_its_checkpoint(tmp_path):
    averages = fitted(tmp_path / "a", 0.01, (20, 80), shards=tmp_path / "shards")
    assert set(averages) == {"-20", "-80"}
    moved = fitted(tmp_path / "b", 0, (80, 20), init=tmp_path / "shards")
    assert samples_seen(tmp_path / "b") == samples_seen(tmp_path / "a")
    for suffix in averages:
        assert torch.allclose(weight_of(moved, suffix), weight_of(averages, suffix), atol=1e-3)  # float16
    weights = [torch.load(tmp_path / run / "checkpoint.pt", weights_only=True)["network"] for run in "ab"]
    assert torch.allclose(weights[0]["0.weight"], weights[1]["0.weight"], atol=1e-3)


def test_an_average_that_is_new_starts_as_the_network(tmp_path):
    fitted(tmp_path, 0.01)
    averages = fitted(tmp_path, 0, (20, 5000))
    network = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["network"]
    assert torch.equal(weight_of(averages, "-5000"), network["0.weight"])
    assert not torch.equal(weight_of(averages, "-20"), network["0.weight"])


def test_what_is_exported_with_every_checkpoint_leaves_the_network_alone(tmp_path):
    found = []

    def watched(averages: Averages) -> None:
        for module in averages.values():
            found.append(module)
            torch.nn.init.constant_(module.weight, 99.0)

    settings = RunSettings(tmp_path, 0.01, 0.01, (20,), CPU, save_minutes=0.0)
    network = nn.Linear(3, 1)
    data = iter(lambda: torch.randn(8, 3), None)
    train(network, lambda module, x: module(x).square().mean(), data, settings, watched)
    assert len(found) > 2
    assert network.weight.abs().max() < 10


@pytest.mark.parametrize("text", ["0", "0.4", "1"])
def test_a_share_is_read_as_it_stands(text):
    assert share(text) == float(text)


@pytest.mark.parametrize("text", ["-0.1", "1.5", "nan", "half"])
def test_what_is_no_share_is_refused_with_what_is_allowed(text):
    with pytest.raises(argparse.ArgumentTypeError, match="allowed is 0 to 1"):
        share(text)
