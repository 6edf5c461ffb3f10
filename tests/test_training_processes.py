import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import ROOT
from PIL import Image
from torch import nn

from dpi_core.training.loop import RunSettings, train
from dpi_core.training.processes import Processes, join_processes

CPU = torch.device("cpu")

SCRIPT = """
import sys, torch
from diffusers import UNet2DModel
from dpi_core.models.priors import UNetPrior, save_prior
from dpi_core.training import corrector
from dpi_core.training.loop import train
from pathlib import Path

TINY = dict(layers_per_block=1, block_out_channels=(8, 16), down_block_types=("DownBlock2D",) * 2,
            up_block_types=("UpBlock2D",) * 2, attention_head_dim=8, norm_num_groups=4)
corrector.ARCHITECTURE = {**corrector.ARCHITECTURE, **TINY}
rank, out = sys.argv[1], Path(sys.argv[2])
prior = UNetPrior(UNet2DModel(sample_size=32, in_channels=3, out_channels=3, **TINY), 32, "epsilon", 1, "tight-128")
save_prior(prior, out / f"prior{rank}")
shown = []

def watched(network, loss_of, data, *more):
    averages = train(network, loss_of, data, *more)
    torch.save(network.state_dict(), out / f"network{rank}.pt")
    return averages

class Faces(corrector.DegradedFaces):
    def __init__(self, images, *more):
        super().__init__(images, *more)
        (out / f"faces{rank}.txt").write_text(" ".join(sorted(images)))

corrector.train, corrector.DegradedFaces = watched, Faces
corrector.main(["--data", str(out / "faces"), "--out", str(out / "run"), "--minutes", "0.03", "--batch", "2",
                "--device", "cpu", "--threads", "1", "--prior", str(out / f"prior{rank}"), "--framing", "ffhq-256"])
"""


def launched(monkeypatch, count, rank=0):
    monkeypatch.setenv("WORLD_SIZE", str(count))
    monkeypatch.setenv("RANK", str(rank))


def test_alone_nothing_is_needed_and_nothing_shared(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    alone = join_processes("cpu")
    assert (alone.rank, alone.count, alone.writes, alone.device) == (0, 1, True, CPU)
    network = nn.Conv2d(3, 3, 1)
    assert alone.shared(network) is network
    assert alone.agreed(1.5) == 1.5
    assert alone.share({"b": 1, "a": 2}) == {"a": 2, "b": 1}
    alone.leave()


def test_several_without_accelerate_are_told_what_to_do(monkeypatch):
    launched(monkeypatch, 4)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ValueError, match=r"one of 4 processes, which needs accelerate: pip install accelerate"):
        join_processes("cpu")


def test_several_on_one_named_gpu_are_refused(monkeypatch):
    launched(monkeypatch, 2)
    with pytest.raises(ValueError, match=r"device is 'cuda:1' for 2 processes; allowed is auto"):
        join_processes("cuda:1")


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_face_has_one_process(count):
    faces = {f"{i:02}.jpg": i for i in range(13)}
    shares = [Processes(CPU, rank, count).share(faces) for rank in range(count)]
    assert sorted(name for share in shares for name in share) == sorted(faces)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_only_the_first_writes(tmp_path, capsys):
    exported = []
    for rank in (1, 0):
        settings = RunSettings(tmp_path / "run", 0.003, 0.01, (20,), CPU, processes=Processes(CPU, rank, 2))
        network = nn.Conv2d(1, 1, 1)
        data = iter(lambda: torch.ones(2, 1, 1, 1), None)
        train(network, lambda module, x: module(x).square().mean(), data, settings, exported.append)
        files = sorted(path.name for path in (tmp_path / "run").glob("*"))
        assert files == ([] if rank else ["checkpoint.pt", "loss.csv"])
        assert bool(capsys.readouterr().err) == (rank == 0), "one bar"
    assert len(exported) == 1
    samples = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["samples"]
    assert samples % 4 == 0, "the batches of both processes count"


@pytest.mark.slow
def test_two_processes_train_one_corrector(tmp_path):
    pytest.importorskip("accelerate", reason="accelerate is optional")
    (tmp_path / "faces").mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):
        small = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        small.resize((40, 40), Image.Resampling.BICUBIC).save(tmp_path / "faces" / f"face{i:02}.png")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen(
            [sys.executable, str(script), str(rank), str(tmp_path)],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        errors = [process.communicate(timeout=500)[1] for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0, 0], errors
    checkpoint = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert checkpoint["samples"] > 0
    assert checkpoint["samples"] % 4 == 0
    second = torch.load(tmp_path / "network1.pt", weights_only=True)
    for name, value in checkpoint["network"].items():
        assert torch.equal(value, second[name]), f"{name}: both hold one network"
    shares = [set((tmp_path / f"faces{rank}.txt").read_text().split()) for rank in range(2)]
    assert not shares[0] & shares[1]
    assert len(shares[0] | shares[1]) == 11, "one is held out"
    assert (tmp_path / "run" / "corrector" / "config.json").exists()
    assert (tmp_path / "run" / "restored.png").exists()
    assert "samples" in errors[0]
    assert "samples" not in errors[1], "one process reports"
