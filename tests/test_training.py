import csv
import random
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from dpi_core.corrector import load_corrector
from dpi_core.diffusion import linear_alpha_bar
from dpi_core.priors import UNetPrior, load_prior
from dpi_core.training import corrector as corrector_script
from dpi_core.training import prior as prior_script
from dpi_core.training import prior_states as prior_states_module
from dpi_core.training import states as states_module
from dpi_core.training.corrector import MEANS_WEIGHT, corrector_loss
from dpi_core.training.data import AugmentedFaces, DegradedFaces, augment, batches, held_out_names, read_encoded
from dpi_core.training.loop import RunSettings, train
from dpi_core.training.prior import prior_loss
from dpi_core.training.prior_states import noised
from dpi_core.training.states import pack

AB = linear_alpha_bar()
CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("seeded")


def write_faces(folder, count=12, size=40) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        small = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        small.resize((size, size), Image.Resampling.BICUBIC).save(folder / f"face{i:02}.png")


@pytest.fixture
def faces(tmp_path):
    write_faces(tmp_path / "faces")
    return tmp_path / "faces"


# Data.


def test_the_held_out_set_depends_on_the_names_alone():
    names = [f"{i:05}.jpg" for i in range(2000)]
    held_out = held_out_names(names, 50)
    shuffled = random.Random(1).sample(names, len(names))
    assert held_out_names(shuffled, 50) == held_out
    assert len(held_out) == 50
    assert held_out < set(names)


def test_faces_that_join_later_never_move_a_training_face_into_a_smaller_held_out_set():
    names = [f"{i:05}.jpg" for i in range(2000)]
    held_out = held_out_names(names, 50)
    assert held_out_names(names, 20) < held_out
    assert held_out_names([*names, "new.jpg"], 50) <= held_out | {"new.jpg"}


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (9, 0), (10, 1), (99, 9), (10_000, 500)])
def test_at_most_a_tenth_is_held_out(count, expected):
    assert len(held_out_names([str(i) for i in range(count)])) == expected


def test_a_folder_and_its_tar_give_the_same(tmp_path, faces):
    (faces / "notes.txt").write_text("no face")
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        archive.add(faces, arcname="faces")
    shards = tmp_path / "shards"
    shards.mkdir()
    paths = sorted(faces.glob("*.png"))
    for i in range(3):
        with tarfile.open(shards / f"{i}.tar", "w") as archive:
            for path in paths[i::3]:
                archive.add(path, arcname=path.name)
    from_folder = read_encoded(faces)
    assert len(from_folder) == 12
    assert read_encoded(tmp_path / "shard.tar") == read_encoded(shards) == from_folder


def test_a_source_without_faces_is_named(tmp_path):
    with pytest.raises(ValueError, match="no images found"):
        read_encoded(tmp_path)
    with pytest.raises(ValueError, match="missing: no images found"):
        read_encoded(tmp_path / "missing")


def test_an_augmented_face_stays_close_to_its_face():
    grey = Image.new("RGB", (50, 50), (100, 120, 140))
    seen = {augment(grey, 32, np.random.default_rng(i)).tobytes() for i in range(30)}
    assert len(seen) > 5
    for i in range(30):
        out = augment(grey, 32, np.random.default_rng(i))
        assert out.shape == (32, 32, 3)
        assert out.dtype == np.uint8
        tint = out[0, 0] / [100, 120, 140]
        assert (out == out[0, 0]).all()
        assert ((tint > 0.85 * 0.92 - 0.01) & (tint < 1.1 * 1.08 + 0.01)).all()


@pytest.mark.parametrize("dataset", [AugmentedFaces, DegradedFaces])
def test_a_draw_depends_on_its_seed_and_index_alone(faces, dataset):
    images = read_encoded(faces)
    data, same, other = (dataset(images, 32, 100, seed) for seed in (1, 1, 2))
    assert len(data) == 100
    draws = [data[i] for i in range(10)]
    assert all(np.array_equal(same[i], draws[i]) for i in reversed(range(10)))
    assert not all(np.array_equal(other[i], draws[i]) for i in range(10))
    (batch, *_) = batches(data, 4, workers=0)
    assert np.array_equal(batch.numpy(), np.stack(draws[:4]))


def test_a_degraded_face_comes_with_the_face_it_was_made_from(faces):
    pairs = DegradedFaces(read_encoded(faces), 32, 40, 0)
    for i in range(40):
        true, condition = pairs[i].astype(float)
        assert pairs[i].shape == (2, 32, 32, 3)
        assert np.abs(true.mean(axis=(0, 1)) - condition.mean(axis=(0, 1))).max() < 30


# The prior's loss.


class PerfectNetwork(nn.Module):
    """Knows that every face is one flat colour, so it can tell v exactly from x_t."""

    def __init__(self, level: float):
        super().__init__()
        self.level = level

    def forward(self, x, t):
        ab = AB[t].to(x).view(-1, 1, 1, 1)
        eps = (x - ab.sqrt() * self.level) / (1 - ab).sqrt()
        return SimpleNamespace(sample=ab.sqrt() * eps - (1 - ab).sqrt() * self.level)


class Silent(nn.Module):
    def forward(self, x, t):
        return SimpleNamespace(sample=torch.zeros_like(x))


def loss_on_noised(network: nn.Module, x0: torch.Tensor, unshuffle: int, masked: float = 0.0) -> float:
    prior = UNetPrior(network, x0.shape[-1], "v", unshuffle, "tight-128")
    return float(prior_loss(prior, *noised(x0, AB.float(), masked), x0))


@pytest.mark.parametrize("masked", [0.0, 1.0])
@pytest.mark.parametrize("unshuffle", [1, 2])
def test_a_network_that_answers_right_has_no_loss(unshuffle, masked):
    # flat faces of one level: under a mask, blurring leaves them as they are and the smooth error is to be seen through
    for _ in range(10):
        assert loss_on_noised(PerfectNetwork(0.4), torch.full((32, 3, 16, 16), 0.4), unshuffle, masked) < 1e-7


def test_a_network_that_answers_nothing_pays_for_v():
    # E|v|^2 = ab + (1 - ab) level^2 = 1 at level 1, and the weight min(snr, 5) / (snr + 1) lies in (0, 5/6]
    assert 0.1 < loss_on_noised(Silent(), torch.ones(256, 3, 16, 16), 1) < 5 / 6 * 1.1


def test_the_loss_is_the_weighted_error_of_x0():
    # eps = (x_t - sqrt(ab) x0) / sqrt(1-ab) makes v's error the error of x0 over sqrt(1-ab); v = 0 answers x0 = sqrt(ab) x_t
    x_t, x0, t = torch.randn(5, 3, 8, 8), torch.rand(5, 3, 8, 8), torch.tensor([10, 200, 400, 700, 999])
    ab = AB[t].float()
    snr = ab / (1 - ab)
    error = (ab.sqrt().view(-1, 1, 1, 1) * x_t - x0).square().mean(dim=(1, 2, 3))
    expected = (snr.clamp(max=5) * error).mean()
    prior = UNetPrior(Silent(), 8, "v", 1, "tight-128")
    assert float(prior_loss(prior, x_t, t, x0)) == pytest.approx(float(expected), rel=1e-4)


# What the corrector is trained on.


class Residual(nn.Module):
    """A corrector's network that adds `level` everywhere."""

    def __init__(self, level: float):
        super().__init__()
        self.level = level

    def forward(self, both, t):
        assert both.shape[1] == 6
        return SimpleNamespace(sample=torch.full_like(both[:, :3], self.level))


def test_the_correctors_loss_is_what_is_left_of_the_error():
    # the condition is 0.4 too dark everywhere, in the pixels and in their means
    h = torch.rand(3, 3, 16, 16)
    states = pack(torch.randn_like(h), torch.tensor([5, 500, 999]), h - 0.4, h)
    assert float(corrector_loss(Residual(0.4), states)) < 1e-10
    assert float(corrector_loss(Residual(0.0), states)) == pytest.approx(0.16 * (1 + MEANS_WEIGHT), rel=1e-4)


def test_an_error_whose_means_are_right_costs_less():
    h = torch.zeros(1, 3, 16, 16)
    checker = torch.ones_like(h)
    checker[..., ::2] = -1  # its 4x4 means are 0
    t = torch.tensor([100])
    assert float(corrector_loss(Residual(0.0), pack(h, t, checker, h))) == pytest.approx(1.0, rel=1e-4)
    assert float(corrector_loss(Residual(0.0), pack(h, t, checker.abs(), h))) == pytest.approx(
        1 + MEANS_WEIGHT, rel=1e-4
    )


# The loop.


def rows(path) -> list[dict]:
    with path.open() as file:
        return list(csv.DictReader(file))


def samples_seen(out) -> int:
    return torch.load(out / "checkpoint.pt", weights_only=True)["samples"]


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
    run(1e-6)  # no time for a step: what was there is handed over again
    assert samples_seen(tmp_path) == first
    assert torch.equal(handed[1].state_dict()["0.weight"], before["average"]["0.weight"])
    log = rows(tmp_path / "loss.csv")
    assert list(log[0]) == ["samples", "seconds", "loss"]
    assert float(log[-1]["loss"]) < float(log[0]["loss"])
    assert not (tmp_path / "checkpoint.pt.part").exists()


TINY = {
    "layers_per_block": 1,
    "block_out_channels": (8, 16),
    "down_block_types": ("DownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "UpBlock2D"),
    "attention_head_dim": 8,
    "norm_num_groups": 4,
}


def with_argv(faces, out, *more) -> list[str]:
    return ["--data", str(faces), "--out", str(out), "--minutes", "0.02", "--batch", "2", "--device", "cpu", *more]


def shrink(monkeypatch) -> None:
    monkeypatch.setattr(prior_script, "ARCHITECTURE", {**prior_script.ARCHITECTURE, **TINY})
    monkeypatch.setattr(prior_script, "SIZE", 32)
    # short runs, of which several fit into a second
    monkeypatch.setattr(states_module, "STEPS", (3,))
    monkeypatch.setattr(prior_states_module, "OWN_STEPS", (3,))
    monkeypatch.setattr(corrector_script, "ARCHITECTURE", {**corrector_script.ARCHITECTURE, **TINY})


@pytest.mark.slow
def test_both_scripts_train_resume_and_leave_weights_a_log_and_a_sheet(monkeypatch, tmp_path, faces, capsys):
    shrink(monkeypatch)
    runs = [
        (prior_script.main, tmp_path / "a", "samples.png", ()),
        (corrector_script.main, tmp_path / "b", "restored.png", ("--prior", str(tmp_path / "a" / "prior"))),
    ]
    for script, out, sheet, more in runs:
        script(with_argv(faces, out, *more))
        first = samples_seen(out)
        assert first > 0
        script(with_argv(faces, out, *more))
        assert samples_seen(out) > first
        assert "11 faces train, 1 are held out" in capsys.readouterr().out
        seen = [int(row["samples"]) for row in rows(out / "loss.csv")]
        assert seen == sorted(seen)
        assert seen[-1] > first
        assert all(np.isfinite(float(row["loss"])) for row in rows(out / "loss.csv"))
        assert np.asarray(Image.open(out / sheet)).std() > 0
    prior = load_prior(str(tmp_path / "a" / "prior"), "cpu")
    assert (prior.image_size, prior.prediction, prior.unshuffle) == (32, "v", 2)
    assert Image.open(tmp_path / "a" / "samples.png").size == (8 * 32, 2 * 32)
    assert Image.open(tmp_path / "b" / "restored.png").size == (32, 4 * 32)  # one held-out face, four rows
    grid = torch.zeros(1, 3, 16, 16)
    assert load_corrector(str(tmp_path / "b" / "corrector"), "cpu")(grid, torch.tensor([5]), grid).isfinite().all()


def test_fewer_faces_than_a_batch_are_enough(monkeypatch, tmp_path):
    write_faces(tmp_path / "few", count=3)
    shrink(monkeypatch)
    prior_script.main([*with_argv(tmp_path / "few", tmp_path / "a"), "--batch", "8"])
    assert samples_seen(tmp_path / "a") >= 8
    more = ("--batch", "8", "--prior", str(tmp_path / "a" / "prior"))
    corrector_script.main(with_argv(tmp_path / "few", tmp_path / "b", *more))
    assert samples_seen(tmp_path / "b") >= 8
    assert Image.open(tmp_path / "b" / "restored.png").size == (3 * 32, 4 * 32)  # none is held out of three


def test_a_run_can_start_from_weights(monkeypatch, tmp_path, faces):
    shrink(monkeypatch)
    prior_script.main(with_argv(faces, tmp_path / "first"))
    start = load_prior(str(tmp_path / "first" / "prior"), "cpu").unet.state_dict()
    argv = with_argv(faces, tmp_path / "second", "--init", str(tmp_path / "first" / "prior"))
    argv[argv.index("--minutes") + 1] = "1e-6"  # no time for a step
    prior_script.main(argv)
    assert samples_seen(tmp_path / "second") == 0
    end = load_prior(str(tmp_path / "second" / "prior"), "cpu").unet.state_dict()
    assert all(torch.equal(end[name], value) for name, value in start.items())


@pytest.mark.slow
def test_the_prior_learns_from_the_states_of_its_own_runs(monkeypatch, tmp_path, faces):
    shrink(monkeypatch)
    kinds = []
    monkeypatch.setattr(
        prior_script,
        "mixed_states",
        lambda *given: (kinds.append(given[2]), prior_states_module.mixed_states(*given))[1],
    )
    prior_script.main(with_argv(faces, tmp_path / "out", "--own", "0.5"))
    assert kinds == [0.5]
    assert samples_seen(tmp_path / "out") > 0
    assert load_prior(str(tmp_path / "out" / "prior"), "cpu").image_size == 32


def test_wrong_arguments_end_before_training(tmp_path, faces):
    with pytest.raises(ValueError, match="no images found"):
        prior_script.main(with_argv(tmp_path / "nowhere", tmp_path / "out"))
    with pytest.raises(ValueError, match="device is 'abacus'"):
        prior_script.main([*with_argv(faces, tmp_path / "out"), "--device", "abacus"])
    with pytest.raises(ValueError, match="prior is 'nothing'"):
        corrector_script.main([*with_argv(faces, tmp_path / "out"), "--prior", "nothing"])
    assert not (tmp_path / "out").exists()
