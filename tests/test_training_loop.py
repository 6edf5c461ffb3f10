import argparse

import pytest
import torch
from torch import nn
from training_runs import rows, samples_seen

from dpi_core.training.loop import RunSettings, share, train

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("seeded")


def test_the_loop_finds_a_minimum_hands_over_the_average_and_resumes(tmp_path):
    target = torch.tensor([0.5, -0.3, 0.2]).view(1, 3, 1, 1)
    handed: list[nn.Module] = []

    def loss_of(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return (network(x) - (x * target).sum(dim=1, keepdim=True)).square().mean()

    def run(minutes: float) -> None:
        network = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False))
        data = iter(lambda: torch.randn(8, 3, 1, 1), None)
        settings = RunSettings(tmp_path, minutes, 0.05, 0.9, CPU)
        train(network, loss_of, data, settings, handed.append)

    run(0.02)
    first = samples_seen(tmp_path)
    assert first > 0
    assert first % 8 == 0
    assert torch.allclose(handed[0].state_dict()["0.weight"], target, atol=0.1)
    before = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    run(0)  # no time for a step: what was there is handed over again
    assert samples_seen(tmp_path) == first
    assert torch.equal(handed[1].state_dict()["0.weight"], before["average"]["0.weight"])
    log = rows(tmp_path / "loss.csv")
    assert list(log[0]) == ["samples", "seconds", "loss"]
    assert float(log[-1]["loss"]) < float(log[0]["loss"])
    assert not (tmp_path / "checkpoint.pt.part").exists()


def test_the_average_moves_towards_the_weights_after_every_step(tmp_path):
    seen = []

    def loss_of(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
        seen.append(network.weight.detach().clone())
        return (network(x) - 1).square().mean()

    settings = RunSettings(tmp_path, 0.01, 0.05, 0.7, CPU)
    train(nn.Linear(3, 1), loss_of, iter(lambda: torch.randn(8, 3), None), settings, lambda network: None)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    expected = seen[0]
    for weight in [*seen[1:], state["network"]["weight"]]:
        expected = 0.7 * expected + 0.3 * weight
    assert len(seen) > 3
    assert torch.allclose(state["average"]["weight"], expected, atol=1e-5)


@pytest.mark.parametrize("text", ["0", "0.4", "1"])
def test_a_share_is_read_as_it_stands(text):
    assert share(text) == float(text)


@pytest.mark.parametrize("text", ["-0.1", "1.5", "nan", "half"])
def test_what_is_no_share_is_refused_with_what_is_allowed(text):
    with pytest.raises(argparse.ArgumentTypeError, match="allowed is 0 to 1"):
        share(text)
