from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from dpi_core.models.priors import UNetPrior
from dpi_core.training import architectures as module
from dpi_core.training.architectures import CANDIDATES, SIZE, Candidate, gigaflops, held_out_loss, milliseconds


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


def test_the_held_out_loss_is_the_same_each_time_and_leaves_the_generator_alone():
    prior, faces = prior_of(OneConvolution()), torch.rand(20, 3, 16, 16)
    before = torch.get_rng_state()
    assert held_out_loss(prior, faces) == held_out_loss(prior, faces) > 0
    assert torch.equal(torch.get_rng_state(), before)


def test_every_candidate_has_a_name_of_its_own():
    assert len({candidate.name for candidate in CANDIDATES}) == len(CANDIDATES)


def test_a_candidate_answers_for_the_priors_size():
    candidate = Candidate((8, 16, 32), 4)
    assert module.ask(candidate.prior(candidate.network())).shape == (1, 3, SIZE, SIZE)


@pytest.fixture
def faces(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.mark.slow
def test_the_table_has_a_row_for_each_and_trains_where_there_are_faces(monkeypatch, tmp_path, faces, capsys):
    monkeypatch.setattr(module, "CANDIDATES", (Candidate((8, 32), 4), Candidate((8, 16, 32), 4)))
    monkeypatch.setattr(module, "CHECKED_FACES", 1)
    module.main([])
    plain = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| unshuffle")]
    argv = ["--data", str(faces), "--out", str(tmp_path / "out"), "--minutes", "0.02", "--batch", "2"]
    module.main(argv)
    trained = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| unshuffle")]
    assert len(plain) == len(trained) == 2
    assert all(len(b.split("|")) == len(a.split("|")) + 2 for a, b in zip(plain, trained, strict=True))
    assert all(int(line.split("|")[-3]) > 0 and float(line.split("|")[-2]) > 0 for line in trained)
