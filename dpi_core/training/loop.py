"""One training loop for every network: AdamW, a learning rate that falls as sqrt(time left), EMA, checkpoints, a log.

A run lasts `minutes` from its first batch and resumes from ``OUT/checkpoint.pt`` when there is one: weights, their moving
averages, the optimiser and the count of samples go on; the learning rate starts its fall again. Without one it may go on
from the weights in shards (`dpi_core.training.shards`). It may be one run of several processes
(`dpi_core.training.processes`).
"""

import argparse
import copy
import csv
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from dpi_core.models.devices import autocast
from dpi_core.training.checkpoints import TrainingState
from dpi_core.training.moving_average import MovingAverage
from dpi_core.training.processes import Processes, join_processes
from dpi_core.training.speed_log import SpeedLog, peak_of

Averages = dict[str, nn.Module]  # networks with averaged weights, by what to put behind a name: "" if there is one


@dataclass(frozen=True)
class RunSettings:
    """How one run goes: where it writes, for how long, how fast it learns.

    Attributes:
        half_lives: of the averages, in samples (`dpi_core.training.moving_average`).
        processes: None = alone.
        shards: where to write the weights in files of a few megabytes, too; None = nowhere.
        init: shards to go on from where there is no checkpoint; a folder of anything else is the caller's affair.
        flops: operations that a sample takes, for the log of the speed.
    """

    out: Path
    minutes: float
    learning_rate: float
    half_lives: tuple[int, ...]
    device: torch.device
    save_minutes: float = 5.0
    processes: Processes | None = None
    shards: Path | None = None
    init: Path | None = None
    flops: float | None = None


def add_run_arguments(
    parser: argparse.ArgumentParser, learning_rate: float, batch: int, half_lives: tuple[int, ...] = (11_000,)
) -> None:
    """Add the arguments every training script shares."""
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces, or of .tar shards")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint, log, weights and sheet")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of this run (default 60)")
    parser.add_argument(
        "--init", type=Path, help="weights (or their shards) to start from where there is no checkpoint"
    )
    parser.add_argument("--shards", type=Path, help="folder for the weights in float16 files of at most 16 MiB, too")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--lr", type=float, default=learning_rate)
    parser.add_argument(
        "--ema-half-lives",
        type=int,
        nargs="+",
        default=half_lives,
        help=f"of the averaged weights, in samples (default {' '.join(map(str, half_lives))})",
    )
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--workers", type=int, default=0, help="processes that decode images (default 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--compile", action="store_true", help="torch.compile the network (worth it on a GPU)")


def share(text: str) -> float:
    """Read a share of batches or states for argparse.

    Raises:
        argparse.ArgumentTypeError: if it is no number from 0 to 1.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share; allowed is 0 to 1")
    return value


def run_settings(args: argparse.Namespace, device: torch.device | None = None) -> RunSettings:
    """Make `RunSettings` of the parsed arguments of `add_run_arguments`; the device is that of the process if not given.

    Raises:
        ValueError: if the device cannot be used, or by several processes (`join_processes`).
    """
    if args.threads:
        torch.set_num_threads(args.threads)
    processes = join_processes(args.device)
    return RunSettings(
        args.out,
        args.minutes,
        args.lr,
        tuple(args.ema_half_lives),
        device or processes.device,
        processes=processes,
        shards=args.shards,
        init=args.init,
    )


def train(
    network: nn.Module,
    loss_of: Callable[[nn.Module, Tensor], Tensor],
    data: Iterable[Tensor],
    settings: RunSettings,
    export: Callable[[Averages], None],
    compile_network: bool = False,
) -> Averages:
    """Train `network` in place until the time is up.

    Args:
        network: on the CPU or already on the device; `loss_of(network, batch)` is its scalar loss.
        data: endless batches.
        settings: see `RunSettings`.
        export: called with the averaged networks at every checkpoint and at the end; in the first process alone.
        compile_network: run the forward pass through torch.compile.

    Returns:
        What was exported last; nothing in the other processes.
    """
    processes = settings.processes or Processes(settings.device)
    settings.out.mkdir(parents=True, exist_ok=True)
    network.to(settings.device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    averages = {half_life: MovingAverage(network, half_life) for half_life in settings.half_lives}
    optimiser = torch.optim.AdamW(
        network.parameters(),
        settings.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=0.01,
        fused=settings.device.type == "cuda",
    )
    state = TrainingState(network, averages, optimiser)
    state.resume(settings.out, settings.init)
    like = copy.deepcopy(network).eval()

    def save() -> Averages:
        state.save(settings.out, settings.shards)
        handed = state.averaged(like)
        export(handed)
        return handed

    forward = processes.shared(network)
    if compile_network:
        forward = torch.compile(forward)  # type: ignore[assignment]

    start = saved = 0.0
    length = settings.minutes * 60
    speed = SpeedLog(settings.flops, peak_of(settings.device))
    running: Tensor | None = None  # on the device: to read it at every step would be to wait for every step
    bar = tqdm(unit=" samples", initial=state.samples, smoothing=0.05, disable=not processes.writes)
    with bar, _LossLog(settings.out / "loss.csv" if processes.writes else None) as log:
        for step, batch in enumerate(data):
            if step == 0:
                start = saved = time.monotonic()
            elapsed = processes.agreed(time.monotonic() - start)
            if elapsed >= length:
                break
            warmup = min(1.0, (step + 1) / 100)
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * warmup * (1 - elapsed / length) ** 0.5
            with autocast(settings.device):
                loss = loss_of(forward, batch.to(settings.device, non_blocking=True))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            state.samples += len(batch) * processes.count
            for average in averages.values():
                average.update(len(batch) * processes.count, state.samples)
            running = loss.detach() if running is None else running.lerp(loss.detach(), 0.02)
            bar.update(len(batch) * processes.count)
            if processes.writes:
                speed.update(state.samples)
            if step % 20 == 0:
                bar.set_postfix(loss=f"{float(running):.5f}")
                log.write(state.samples, elapsed, float(running))
            if processes.writes and time.monotonic() - saved > settings.save_minutes * 60:
                save()
                saved = time.monotonic()
    del forward
    processes.leave()
    return save() if processes.writes else {}


class _LossLog:
    """A CSV of samples seen, seconds of this run and the running loss, appended to across runs; None = nowhere."""

    def __init__(self, path: Path | None):
        self._path = path

    def __enter__(self) -> "_LossLog":
        if self._path is None:
            return self
        new = not self._path.exists()
        self._file = self._path.open("a", newline="")
        self._rows = csv.writer(self._file)
        if new:
            self._rows.writerow(["samples", "seconds", "loss"])
        return self

    def write(self, samples: int, seconds: float, loss: float) -> None:
        if self._path is not None:
            self._rows.writerow([samples, f"{seconds:.1f}", f"{loss:.6f}"])
            self._file.flush()

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            self._file.close()
