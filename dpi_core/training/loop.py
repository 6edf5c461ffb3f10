"""One training loop for every network: averages, checkpoints, a log; what a step does is `train`'s or the caller's.

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
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from dpi_core.models.devices import autocast
from dpi_core.training.checkpoints import TrainingState
from dpi_core.training.moving_average import MovingAverage
from dpi_core.training.processes import Processes, join_processes
from dpi_core.training.speed_log import SpeedLog, peak_of

Losses = dict[str, Tensor]  # by name, scalars
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
    parser: argparse.ArgumentParser, learning_rate: float, half_lives: tuple[int, ...] = (11_000,)
) -> None:
    """Add the arguments every training script shares."""
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces, or of .tar shards")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint, log and weights")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of this run (default 60)")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=learning_rate, help=f"learning rate (default {learning_rate})")
    parser.add_argument(
        "--ema-half-lives",
        type=int,
        nargs="+",
        default=half_lives,
        help=f"of the averaged weights, in samples (default {' '.join(map(str, half_lives))})",
    )
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")


def add_network_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the scripts that train a whole network, with `train`."""
    parser.add_argument(
        "--init", type=Path, help="weights (or their shards) to start from where there is no checkpoint"
    )
    parser.add_argument("--shards", type=Path, help="folder for the weights in float16 files of at most 16 MiB, too")
    parser.add_argument("--workers", type=int, default=0, help="processes that decode images (default 0)")
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


def run_settings(args: argparse.Namespace, **more: Any) -> RunSettings:
    """Make `RunSettings` of the parsed arguments of `add_run_arguments`, and `more` of its attributes.

    Raises:
        ValueError: if the device cannot be used, or by several processes (`join_processes`).
    """
    if args.threads:
        torch.set_num_threads(args.threads)
    processes = join_processes(args.device)
    half_lives = tuple(args.ema_half_lives)
    return RunSettings(args.out, args.minutes, args.lr, half_lives, processes.device, processes=processes, **more)


def train(
    network: nn.Module,
    loss_of: Callable[[nn.Module, Tensor], Tensor],
    data: Iterable[Tensor],
    settings: RunSettings,
    export: Callable[[Averages], None],
    compile_network: bool = False,
) -> Averages:
    """Train `network` in place, by AdamW and a learning rate that falls as sqrt(time left), until the time is up.

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
    forward = processes.shared(network)
    if compile_network:
        forward = torch.compile(forward)  # type: ignore[assignment]

    def learn(forward: nn.Module, batch: Tensor, step: int, past: float) -> Losses:
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * min(1.0, (step + 1) / 100) * (1 - past) ** 0.5
        with autocast(settings.device):
            loss = loss_of(forward, batch.to(settings.device, non_blocking=True))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        return {"loss": loss.detach()}

    exported = keep_learning(state, partial(learn, forward), data, settings, export)
    del forward
    processes.leave()
    return exported


def keep_learning(
    state: TrainingState,
    learn: Callable[[Tensor, int, float], Losses],
    data: Iterable[Tensor],
    settings: RunSettings,
    export: Callable[[Averages], None],
) -> Averages:
    """Go on with `state` until the time is up, with a log, and a checkpoint every few minutes and at the end.

    Args:
        learn: trains once on a batch of `data`, given the number of the step and the share of the time that is past.

    For the others, and what is returned, see `train`.
    """
    processes = settings.processes or Processes(settings.device)
    settings.out.mkdir(parents=True, exist_ok=True)
    like = copy.deepcopy(state.network).eval()

    def save() -> Averages:
        state.save(settings.out, settings.shards)
        handed = state.averaged(like)
        export(handed)
        return handed

    start = saved = 0.0
    length = settings.minutes * 60
    speed = SpeedLog(settings.flops, peak_of(settings.device))
    running: Losses = {}  # on the device: to read them at every step would be to wait for every step
    with tqdm(unit=" samples", initial=state.samples, smoothing=0.05, disable=not processes.writes) as bar:
        for step, batch in enumerate(data):
            if step == 0:
                start = saved = time.monotonic()
            elapsed = processes.agreed(time.monotonic() - start)
            if elapsed >= length:
                break
            losses = learn(batch, step, elapsed / length)
            state.count(len(batch) * processes.count)
            running = {name: running.get(name, loss).lerp(loss, 0.02) for name, loss in losses.items()}
            bar.update(len(batch) * processes.count)
            if not processes.writes:
                continue
            speed.update(state.samples)
            if step % 20 == 0:
                told = {name: f"{float(loss):.6f}" for name, loss in running.items()}
                bar.set_postfix(told)
                _append(settings.out / "loss.csv", {"samples": state.samples, "seconds": f"{elapsed:.1f}", **told})
            if time.monotonic() - saved > settings.save_minutes * 60:
                save()
                saved = time.monotonic()
    return save() if processes.writes else {}


def _append(path: Path, row: dict[str, Any]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        rows = csv.DictWriter(file, row)
        if new:
            rows.writeheader()
        rows.writerow(row)
