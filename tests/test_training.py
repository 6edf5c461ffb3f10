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
from dpi_core.masks import on_grid
from dpi_core.pixels import to_tensor
from dpi_core.priors import UNetPrior, load_prior
from dpi_core.training import corrector as corrector_script
from dpi_core.training import prior as prior_script
from dpi_core.training.corrector import DegradedFaces, corrector_loss, noisy_grids
from dpi_core.training.data import AugmentedFaces, augment, batches, held_out_names, read_encoded
from dpi_core.training.loop import RunSettings, train
from dpi_core.training.prior import prior_loss

AB = linear_alpha_bar()
CPU = torch.device("cpu")


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


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


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
        self.calls: list[torch.Tensor] = []

    def forward(self, x, t):
        self.calls.append(t)
        ab = AB[t].to(x).view(-1, 1, 1, 1)
        eps = (x - ab.sqrt() * self.level) / (1 - ab).sqrt()
        return SimpleNamespace(sample=ab.sqrt() * eps - (1 - ab).sqrt() * self.level)


@pytest.mark.parametrize("unshuffle", [1, 2])
def test_a_network_that_answers_right_has_no_loss(unshuffle):
    network = PerfectNetwork(0.4)
    prior = UNetPrior(network, 16, "v", unshuffle, "tight-128")
    x0 = torch.full((64, 3, 16, 16), 0.4)
    for _ in range(10):
        assert float(prior_loss(prior, x0)) < 1e-7
    t = torch.cat(network.calls)
    assert 0 <= int(t.min()) < 50
    assert 950 < int(t.max()) < 1000
    # 2/3 are drawn below 600 and the rest anywhere: 2/3 + 1/3 * 0.6 of them lie below 600
    assert float((t < 600).float().mean()) == pytest.approx(2 / 3 + 0.2, abs=5 * 0.34 / 640**0.5)


def test_a_network_that_answers_nothing_pays_for_v():
    class Silent(nn.Module):
        def forward(self, x, t):
            return SimpleNamespace(sample=torch.zeros_like(x))

    # E|v|^2 = ab + (1 - ab) level^2 = 1 at level 1, and the weight min(snr, 5) / (snr + 1) lies in (0, 5/6]
    prior = UNetPrior(Silent(), 16, "v", 1, "tight-128")
    loss = float(prior_loss(prior, torch.ones(256, 3, 16, 16)))
    assert 0.1 < loss < 5 / 6 * 1.1


# What the corrector is trained on.


@pytest.mark.parametrize("k", [1, 2, 4, 8])
@pytest.mark.parametrize("form", ["forward", "sampler"])
def test_noisy_grids_have_the_grids_size_and_leave_the_faces_alone(form, k):
    prior = UNetPrior(PerfectNetwork(0.0), 32, "v", 1, "tight-128") if form == "sampler" else None
    true, condition = torch.rand(5, 3, 32, 32), torch.rand(5, 3, 32, 32)
    copies = true.clone(), condition.clone()
    c, t = noisy_grids(prior, true, condition, k)
    assert c.shape == (5, 3, 32 // k, 32 // k)
    assert c.isfinite().all()
    assert t.shape == (5,)
    assert t.dtype == torch.int64
    assert ((t >= 1) & (t < 1000)).all()
    assert torch.equal(true, copies[0])
    assert torch.equal(condition, copies[1])


@pytest.mark.parametrize("form", ["forward", "sampler"])
def test_a_noisy_grid_has_the_noise_of_the_step_after_it(form, monkeypatch):
    # Faces and conditions of one level, known to the prior: c = sqrt(ab_prev) level + sqrt(1 - ab_prev) n, n ~ N(0, 1).
    gap, level = 50, 0.4
    monkeypatch.setattr(corrector_script, "GAPS", (gap,))
    prior = UNetPrior(PerfectNetwork(level), 16, "v", 1, "tight-128") if form == "sampler" else None
    flat = torch.full((600, 3, 16, 16), level)
    c, t = noisy_grids(prior, flat, flat, 2)
    ab_prev = AB[(t - gap).clamp(min=0)].float().view(-1, 1, 1, 1)
    n = (c - ab_prev.sqrt() * level) / (1 - ab_prev).sqrt()
    count = 3 * 8 * 8
    for group in (t < 200, (t >= 200) & (t < 700), t >= 700):  # ab_prev near 1, between, and near 0
        values = n[group]
        assert len(values) > 50
        assert float(values.mean()) == pytest.approx(0, abs=5 / values.numel() ** 0.5)
        assert float(values.var()) == pytest.approx(1, abs=5 * (2 / values.numel()) ** 0.5 + 1e-3)
    assert float(n.flatten(1).var(dim=1).max()) < 1 + 6 * (2 / count) ** 0.5


def test_the_noisy_grid_lies_between_the_condition_and_the_truth(monkeypatch):
    # Where next to no noise is left, what is seen is y = y_init + l (h - y_init): 40 % at l = 0, the rest evenly up to 1.
    monkeypatch.setattr(corrector_script, "GAPS", (1000,))  # t_prev = 0 always
    true, condition = torch.full((4000, 3, 8, 8), 0.9), torch.full((4000, 3, 8, 8), -0.9)
    c, _ = noisy_grids(None, true, condition, 2)
    share = (c.mean(dim=(1, 2, 3)) / AB[0].sqrt() + 0.9) / 1.8
    assert share.min() > -0.01
    assert share.max() < 1.01
    assert float((share < 0.01).float().mean()) == pytest.approx(0.4 + 0.6 * 0.01, abs=0.04)
    assert float(share.mean()) == pytest.approx(0.3, abs=0.03)


class Residual(nn.Module):
    """A corrector's network that adds `level` everywhere."""

    def __init__(self, level: float):
        super().__init__()
        self.level = level

    def forward(self, both, t):
        assert both.shape[1] == 6
        return SimpleNamespace(sample=torch.full_like(both[:, :3], self.level))


def test_the_correctors_loss_is_what_is_left_of_the_error():
    true = np.full((3, 32, 32, 3), 150, np.uint8)
    pairs = torch.from_numpy(np.stack([true, true - 51], axis=1))  # the condition is 0.4 too dark
    for _ in range(5):  # at any sparsity
        assert float(corrector_loss(Residual(0.4), None, pairs)) < 1e-10
        assert float(corrector_loss(Residual(0.0), None, pairs)) == pytest.approx(0.16, abs=1e-5)


def test_the_corrector_is_asked_on_the_grid():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (2, 2, 16, 16, 3), generator=generator, dtype=torch.uint8)
    true, condition = to_tensor(pixels[:, 0]), to_tensor(pixels[:, 1])
    expected = {
        round(float((on_grid(condition, k) - on_grid(true, k)).square().mean()), 5) for k in corrector_script.SPARSITIES
    }
    found = {round(float(corrector_loss(Residual(0.0), None, pixels)), 5) for _ in range(60)}
    assert found <= expected
    assert len(found) > 1


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


def test_wrong_arguments_end_before_training(tmp_path, faces):
    with pytest.raises(ValueError, match="no images found"):
        prior_script.main(with_argv(tmp_path / "nowhere", tmp_path / "out"))
    with pytest.raises(ValueError, match="device is 'abacus'"):
        prior_script.main([*with_argv(faces, tmp_path / "out"), "--device", "abacus"])
    with pytest.raises(ValueError, match="prior is 'nothing'"):
        corrector_script.main([*with_argv(faces, tmp_path / "out"), "--prior", "nothing"])
    assert not (tmp_path / "out").exists()
