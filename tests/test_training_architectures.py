from types import SimpleNamespace

import pytest
from torch import nn

from dpi_core.models.priors import UNetPrior
from dpi_core.training import architectures as module
from dpi_core.training.architectures import CANDIDATES, SIZE, Candidate, gigaflops, milliseconds


class OneConvolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(12, 12, 3, padding=1, bias=False)

    def forward(self, x, t):
        return SimpleNamespace(sample=self.layer(x))


def prior_of(network: nn.Module, unshuffle: int = 2) -> UNetPrior:
    return UNetPrior(network, SIZE, "v", unshuffle, "tight-128")


def test_the_operations_of_a_convolution_are_counted():
    # 64 x 64 outputs of 12 channels, each of 12 x 3 x 3 products and as many sums
    assert gigaflops(prior_of(OneConvolution())) == pytest.approx(64 * 64 * 12 * 12 * 9 * 2 / 1e9)


def test_a_call_takes_time():
    assert milliseconds(prior_of(OneConvolution()), bfloat16=False) > 0


def test_every_candidate_has_a_name_of_its_own():
    assert len({candidate.name for candidate in CANDIDATES}) == len(CANDIDATES)


def test_a_candidate_answers_for_the_priors_size():
    candidate = Candidate((8, 16, 32), 4)
    assert module.ask(candidate.prior(candidate.network())).shape == (1, 3, SIZE, SIZE)


def test_the_table_has_a_row_for_each(monkeypatch, capsys):
    monkeypatch.setattr(module, "CANDIDATES", (Candidate((8, 32), 4), Candidate((8, 16, 32), 4)))
    module.main(["--device", "cpu"])
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("| unshuffle") and line.count("|") == head.count("|") for line in lines)
