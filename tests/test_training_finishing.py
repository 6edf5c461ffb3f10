"""Adversarial finishing: its losses, what it trains and what it leaves alone, and that a run goes on where it stopped."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from training_runs import TINY, pictures, with_argv, write_faces

from dpi_core.models.priors import UNetPrior, load_prior, save_prior
from dpi_core.training import finishing as script
from dpi_core.training.adversary import (
    WINDOW,
    PatchDiscriminator,
    adversarial_loss,
    gradient_penalty,
    same_window,
)
from dpi_core.training.finishing import Finishing, last_levels, run
from dpi_core.training.loop import RunSettings
from dpi_core.training.processes import Processes
from dpi_core.training.starting import starting_network

pytestmark = pytest.mark.usefixtures("seeded")

DEEPER = {
    **TINY,
    "block_out_channels": (8, 8, 16),
    "down_block_types": ("DownBlock2D",) * 3,
    "up_block_types": ("UpBlock2D",) * 3,
}


@pytest.fixture
def prior() -> UNetPrior:
    network = starting_network(None, {**DEEPER, "in_channels": 12, "out_channels": 12, "sample_size": 32}, 2)
    return UNetPrior(network.eval().requires_grad_(False), 64, "v", 2, "tight-128")


def test_the_loss_is_low_where_what_is_judged_looks_more_real():
    assert float(adversarial_loss(torch.full((2, 3), 20.0), torch.zeros(2, 3))) < 1e-6
    assert float(adversarial_loss(torch.zeros(2, 3), torch.zeros(2, 3))) == pytest.approx(
        torch.tensor(2.0).log().item()
    )


def test_the_penalty_of_a_linear_judge_is_the_square_of_its_slope():
    slope, images = torch.randn(3, 8, 8), pictures(4, 8).requires_grad_()
    logits = (images * slope).sum(dim=(1, 2, 3))[:, None]
    assert float(gradient_penalty(logits, images)) == pytest.approx(float(slope.square().sum()), rel=1e-5)


def test_the_discriminator_judges_each_image_by_itself():
    judge, images = PatchDiscriminator().eval(), pictures(3, 64)
    assert torch.allclose(judge(images)[1:2], judge(images[1:2]), atol=1e-5)


def test_windows_are_the_same_part_of_every_image():
    x = torch.arange(100 * 100).view(1, 1, 100, 100).float()
    first, second = same_window(x, x + 1)
    assert first.shape == (1, 1, WINDOW, WINDOW)
    assert torch.equal(second, first + 1)


def test_only_the_last_levels_learn(prior):
    before = {name: value.clone() for name, value in prior.unet.state_dict().items()}
    finishing = Finishing(prior, last_levels(prior.unet), 0.5, 1e-2, (4,))
    for _ in range(2):
        finishing.step(pictures(4, 64), torch.full((4,), 4))
    trained = {id(parameter) for parameter in last_levels(prior.unet)}
    moved = {name for name, value in prior.unet.named_parameters() if not torch.equal(value, before[name])}
    assert moved
    assert moved <= {name for name, value in prior.unet.named_parameters() if id(value) in trained}
    assert not any("down_blocks" in name or "mid_block" in name for name in moved)


def test_a_stopped_run_goes_on_with_all_it_knew(prior, tmp_path):
    def faces() -> Iterator[torch.Tensor]:
        yield pictures(4, 64)

    def learn(finishing: Finishing, minutes: float) -> list[str]:
        settings = RunSettings(tmp_path, minutes, 1e-3, (4, 40), torch.device("cpu"))
        store = SimpleNamespace(choices=lambda count: faces(), augmented=lambda x: (x, torch.full((len(x),), 4)))
        written = []
        run(finishing, store, 4, settings, lambda model, suffix: written.append((suffix, model.unet.training)))
        return written

    finishing = Finishing(prior, last_levels(prior.unet), 0.5, 1e-3, (4, 40))
    assert learn(finishing, 1e6) == [("-4", False), ("-40", False)]
    save_prior(prior, tmp_path / "prior")
    loaded = load_prior(str(tmp_path / "prior"), "cpu")
    again = Finishing(loaded, last_levels(loaded.unet), 0.5, 1e-3, (4, 40))
    learn(again, 0)
    assert again.state.samples == 4
    for own, other in ((finishing.model.unet, again.model.unet), (finishing.adversary, again.adversary)):
        assert all(torch.equal(a, b) for a, b in zip(own.parameters(), other.parameters(), strict=True))
    first, second = (one.state.averages[4].weights for one in (finishing, again))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert str(finishing.adversary.optimiser.state_dict()) == str(again.adversary.optimiser.state_dict())


def test_several_processes_are_refused(prior, tmp_path):
    settings = RunSettings(tmp_path, 1, 1e-3, (4,), torch.device("cpu"), processes=Processes(torch.device("cpu"), 0, 2))
    with pytest.raises(ValueError, match="one of 2 processes"):
        run(Finishing(prior, last_levels(prior.unet), 0.5, 1e-3, (4,)), None, 4, settings, print)


@pytest.mark.slow
def test_the_script_leaves_a_prior_and_a_checkpoint(prior, tmp_path, monkeypatch):
    save_prior(prior, tmp_path / "start")
    faces = write_faces(tmp_path / "faces", size=80)
    out = tmp_path / "runs" / "finished"
    start = str(tmp_path / "start")
    script.main([*with_argv(faces, out), "--init", start])
    finished = load_prior(str(out / "prior"), "cpu")
    assert finished.image_size == 64
    assert (out / "checkpoint.pt").exists()


def test_a_prior_without_a_head_is_refused(tmp_path, large_prior, capsys):
    with pytest.raises(SystemExit):
        script.main(["--data", str(tmp_path), "--init", large_prior, "--out", str(tmp_path / "out"), "--device", "cpu"])
    assert "no classes and no head" in capsys.readouterr().err
