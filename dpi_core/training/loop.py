"""One training loop for every network: AdamW, a learning rate that falls as sqrt(time left), EMA, checkpoints, a log.

A run lasts `minutes` from its first batch and resumes from ``OUT/checkpoint.pt`` when there is one: weights, their moving
average, the optimiser and the count of samples go on; the learning rate starts its fall again. It may be one run of
several processes (`dpi_core.training.processes`).
"""

import argparse
import csv
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from tqdm import tqdm

from dpi_core.models.devices import autocast
from dpi_core.training.processes import Processes, join_processes


@dataclass(frozen=True)
class RunSettings:
    """How one run goes: where it writes, for how long, how fast it learns."""

    out: Path
    minutes: float
    learning_rate: float
    ema: float
    device: torch.device
    save_minutes: float = 5.0
    processes: Processes | None = None  # None = alone


def add_run_arguments(parser: argparse.ArgumentParser, learning_rate: float, batch: int) -> None:
    """The arguments every training script shares."""
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces, or of .tar shards")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint, log, weights and sheet")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of this run (default 60)")
    parser.add_argument("--init", type=Path, help="weights to start from where there is no checkpoint yet")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--lr", type=float, default=learning_rate)
    parser.add_argument("--ema", type=float, default=0.999)
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--workers", type=int, default=0, help="processes that decode images (default 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--compile", action="store_true", help="torch.compile the network (worth it on a GPU)")


def share(text: str) -> float:
    """A share of batches or states as argparse reads it.

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
    """`RunSettings` from the parsed arguments of `add_run_arguments`; the device is that of the process if not given.

    Raises:
        ValueError: if the device cannot be used, or by several processes (`join_processes`).
    """
    if args.threads:
        torch.set_num_threads(args.threads)
    processes = join_processes(args.device)
    return RunSettings(args.out, args.minutes, args.lr, args.ema, device or processes.device, processes=processes)


def train(
    network: nn.Module,
    loss_of: Callable[[nn.Module, Tensor], Tensor],
    data: Iterable[Tensor],
    settings: RunSettings,
    export: Callable[[nn.Module], None],
    compile_network: bool = False,
) -> None:
    """Train `network` in place until the time is up.

    Args:
        network: on the CPU or already on the device; `loss_of(network, batch)` is its scalar loss.
        data: endless batches.
        settings: see `RunSettings`.
        export: called once, at the end, with the averaged network; in the first process alone.
        compile_network: run the forward pass through torch.compile.
    """
    processes = settings.processes or Processes(settings.device)
    settings.out.mkdir(parents=True, exist_ok=True)
    network.to(settings.device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.AdamW(
        network.parameters(),
        settings.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=0.01,
        fused=settings.device.type == "cuda",
    )
    samples = _resume(settings.out, network, average, optimiser, settings.device)
    update_average = _averaging(average, network, settings.ema)
    forward = processes.shared(network)
    if compile_network:
        forward = torch.compile(forward)  # type: ignore[assignment]

    start = saved = 0.0
    length = settings.minutes * 60
    running: Tensor | None = None  # on the device: to read it at every step would be to wait for every step
    bar = tqdm(unit=" samples", initial=samples, smoothing=0.05, disable=not processes.writes)
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
            samples += len(batch) * processes.count
            update_average()
            running = loss.detach() if running is None else running.lerp(loss.detach(), 0.02)
            bar.update(len(batch) * processes.count)
            if step % 20 == 0:
                bar.set_postfix(loss=f"{float(running):.5f}")
                log.write(samples, elapsed, float(running))
            if processes.writes and time.monotonic() - saved > settings.save_minutes * 60:
                _save(settings.out, network, average, optimiser, samples)
                saved = time.monotonic()
    del forward
    processes.leave()
    if not processes.writes:
        return
    _save(settings.out, network, average, optimiser, samples)
    network.load_state_dict(average)
    network.eval()
    export(network)


def _averaging(average: dict[str, Tensor], network: nn.Module, decay: float) -> Callable[[], None]:
    """A function that moves `average` towards the network's weights as they are then; counters are the network's own."""
    current = network.state_dict()
    weights = [name for name, value in average.items() if value.is_floating_point()]
    counters = [name for name in average if name not in weights]
    averaged, towards = [average[name] for name in weights], [current[name] for name in weights]
    move = get_ema_multi_avg_fn(decay)

    def update() -> None:
        move(averaged, towards, 0)
        for name in counters:
            average[name].copy_(current[name])

    return update


def _save(out: Path, network: nn.Module, average: dict, optimiser: torch.optim.Optimizer, samples: int) -> None:
    state = {
        "network": network.state_dict(),
        "average": average,
        "optimiser": optimiser.state_dict(),
        "samples": samples,
    }
    partial = out / "checkpoint.pt.part"
    torch.save(state, partial)
    partial.replace(out / "checkpoint.pt")


def _resume(
    out: Path, network: nn.Module, average: dict, optimiser: torch.optim.Optimizer, device: torch.device
) -> int:
    path = out / "checkpoint.pt"
    if not path.exists():
        return 0
    state = torch.load(path, map_location=device, weights_only=True)
    network.load_state_dict(state["network"])
    for name, value in state["average"].items():
        average[name].copy_(value)
    optimiser.load_state_dict(state["optimiser"])
    return int(state["samples"])


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
