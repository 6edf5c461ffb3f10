"""What the tests of training share: random faces, tiny networks, runs that end at once."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dpi_core.method.timesteps import timestep_pairs
from dpi_core.training import corrector, prior, sheets

TINY = {
    "layers_per_block": 1,
    "block_out_channels": (8, 16),
    "down_block_types": ("DownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "UpBlock2D"),
    "attention_head_dim": 8,
    "norm_num_groups": 4,
}


def pictures(count: int = 2, size: int = 32) -> Tensor:
    """(N,3,H,W) in [-1, 1]."""
    return torch.rand(count, 3, size, size) * 2 - 1


def pairs(count: int = 4, size: int = 16) -> Iterator[Tensor]:
    """Batches (N,2,H,W,3) uint8 of faces and conditions, without end."""
    while True:
        yield torch.randint(0, 256, (count, 2, size, size, 3), dtype=torch.uint8)


def write_faces(folder: Path, count: int = 12, size: int = 40) -> Path:
    """A folder of `count` small pictures; returns it."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        small = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        small.resize((size, size), Image.Resampling.BICUBIC).save(folder / f"face{i:02}.png")
    return folder


def with_argv(faces: Path, out: Path, *more: str) -> list[str]:
    """The arguments of a script that trains for a third of a second."""
    return ["--data", str(faces), "--out", str(out), "--minutes", "0.005", "--batch", "2", "--device", "cpu", *more]


def without_time(argv: list[str]) -> list[str]:
    """The same, with no time for a step."""
    at = argv.index("--minutes") + 1
    return [*argv[:at], "0", *argv[at + 1 :]]


def shrink(monkeypatch) -> None:
    """Let both scripts train tiny networks on tiny faces."""
    full = prior.architecture
    monkeypatch.setattr(prior, "architecture", lambda *given: {**full(*given), **TINY})
    monkeypatch.setattr(prior, "SIZE", 32)
    monkeypatch.setattr(sheets, "timestep_pairs", lambda steps, timesteps: timestep_pairs(4, timesteps))
    monkeypatch.setattr(corrector, "ARCHITECTURE", {**corrector.ARCHITECTURE, **TINY})


def rows(path: Path) -> list[dict]:
    """The rows of a CSV file."""
    with path.open() as file:
        return list(csv.DictReader(file))


def samples_seen(out: Path) -> int:
    """What the run's checkpoint says it has seen."""
    return torch.load(out / "checkpoint.pt", weights_only=True)["samples"]


def trained_twice(script, argv: list[str], out: Path, capsys) -> None:
    """Run a script twice over the twelve faces of `write_faces`: the second run goes on where the first ended."""
    script(argv)
    first = samples_seen(out)
    assert first > 0
    script(argv)
    assert samples_seen(out) > first
    assert "11 faces train, 1 are held out" in capsys.readouterr().out
    seen = [int(row["samples"]) for row in rows(out / "loss.csv")]
    assert seen == sorted(seen)
    assert seen[-1] > first
    assert all(np.isfinite(float(row["loss"])) for row in rows(out / "loss.csv"))
