"""What batches, bfloat16, CUDA graphs and compiling bring: ``python -m dpi_core.evaluation.speed_gpu [--device cuda]``.

20 steps at 256x256 for 1, 8 and 32 seeds at once, in float32, in bfloat16, compiled and without CUDA graphs, with a network
of the public FFHQ prior's architecture (random weights, which cost the same) and the embedded corrector. Beside every run
stand the bare calls of the two networks on the same batch, so the last column is what the sampler adds, and the column before
it what a batch saves against single runs; both are ratios within this run. Without a GPU it says so and runs a small version
with the embedded prior: 5 steps at 128x128 for 1, 2, 4 and 8 seeds.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from dpi_core.commands.console import in_a_sentence
from dpi_core.evaluation.prior_costs import random_prior
from dpi_core.method.config import DPIConfig
from dpi_core.method.masks import on_grid
from dpi_core.method.sampler import sample
from dpi_core.models.acceleration import accelerated, allow_tf32, notes, quick_call
from dpi_core.models.batch_splitting import Fitting, FittingCorrector, FittingPrior, NotEnoughMemoryError
from dpi_core.models.correctors import load_corrector
from dpi_core.models.cuda_graphs import Call
from dpi_core.models.devices import pick_device
from dpi_core.models.priors import UNetPrior, load_prior

MODES: dict[str, tuple[torch.dtype, Callable[..., Call]]] = {  # name -> dtype, how the networks are called
    "float32": (torch.float32, quick_call),
    "bfloat16": (torch.bfloat16, quick_call),
    "float32, compiled": (torch.float32, partial(quick_call, compile_it=True)),
    "bfloat16, compiled": (torch.bfloat16, partial(quick_call, compile_it=True)),
    "bfloat16, no graphs": (torch.bfloat16, lambda network, device: network),
}
HEAD = (
    f"{'networks':22} {'seeds':>5} {'run s':>8} {'images/s':>9} {'against single runs':>20} {'against bare calls':>19}"
)


@dataclass(frozen=True)
class Setting:
    """What is timed: at least `runs` runs, for at least `seconds`, of so many steps over each batch in each of `MODES`."""

    steps: int
    batches: tuple[int, ...]
    modes: tuple[str, ...]
    runs: int
    seconds: float = 0.0


GPU = Setting(20, (1, 8, 32), tuple(MODES), 3, seconds=4.0)  # a compiler's workers may keep the CPU busy at first
SMALL = Setting(5, (1, 2, 4, 8), ("float32",), 3)


@dataclass(frozen=True)
class Row:
    """One batch in one mode: seconds of a run and of the bare network calls in it, and what there is to say."""

    mode: str
    seeds: int
    run: float
    bare: float
    note: str = ""

    @property
    def each(self) -> float:
        """Seconds an image."""
        return self.run / self.seeds


def random_ffhq_prior(device: str) -> UNetPrior:
    """Make the public FFHQ prior with random weights on a device."""
    prior = random_prior("ffhq-256")
    prior.unet.to(pick_device(device))
    return prior


def timed(works: Sequence[Callable[[], object]], device: torch.device, setting: Setting) -> list[float]:
    """Measure the median seconds of each work, after a call that warms it up, each call until the device is done.

    They take turns: whatever else keeps the machine busy for a while meets them alike.
    """
    for work in works:
        work()
    times: list[list[float]] = [[] for _ in works]
    first = time.perf_counter()
    while len(times[0]) < setting.runs or time.perf_counter() - first < setting.seconds:
        for work, found in zip(works, times, strict=True):
            _finish(device)
            start = time.perf_counter()
            work()
            _finish(device)
            found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in times]


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def measured(setting: Setting, make_prior: Callable[[str], UNetPrior], name: str) -> Iterator[Row]:
    """Yield a row for each mode and batch; a batch that does not fit is cut, or left out if not even one sample fits."""
    device = pick_device(name)
    allow_tf32(device)
    for mode in setting.modes:
        dtype, way = MODES[mode]
        faster = partial(way, device=device)
        prior = accelerated(make_prior(name), dtype, faster)
        corrector = accelerated(load_corrector("embedded", name), dtype, faster)
        for seeds in setting.batches:
            fitting = Fitting()
            parts = FittingPrior(prior, fitting), FittingCorrector(corrector, fitting)
            try:
                run, bare = _pair(*parts, setting, seeds, device)
            except NotEnoughMemoryError as error:
                yield Row(mode, seeds, float("nan"), float("nan"), str(error))
                continue
            yield Row(mode, seeds, run, bare, " ".join(filter(None, [*notes(prior, corrector), fitting.note])))


@torch.no_grad()
def _pair(
    prior: FittingPrior, corrector: FittingCorrector, setting: Setting, seeds: int, device: torch.device
) -> tuple[float, float]:
    """Seconds of a run and of the bare network calls it makes."""
    config = DPIConfig(steps=setting.steps)
    condition = torch.zeros(1, 3, prior.image_size, prior.image_size, device=device)
    x: Tensor = torch.randn(seeds, 3, prior.image_size, prior.image_size, device=device)
    grid, t = on_grid(x, config.sparsity).contiguous(), torch.full((seeds,), 500, device=device)

    def bare() -> None:
        for step in range(setting.steps):
            prior.predict_eps(x, t)
            if step < setting.steps - 1:  # the last step has nothing to correct
                corrector(grid, t, grid)

    def restored() -> Tensor:
        return sample(prior, condition, config, corrector=corrector, seeds=range(seeds))

    run, calls = timed((restored, bare), device, setting)
    return run, calls


def report(rows: Sequence[Row]) -> str:
    """Write the last of `rows` as a line under `HEAD`; the first of its mode is the single run it is compared with."""
    row = rows[-1]
    single = next(r for r in rows if r.mode == row.mode)
    line = (
        f"{row.mode:22} {row.seeds:5} {row.run:8.3f} {1 / row.each:9.2f} {row.each / single.each:20.2f} "
        f"{row.run / row.bare:19.3f}"
    )
    return f"{line}\n  {row.note}" if row.note else line


def figures(name: str = "auto") -> dict[str, float]:
    """Return what `dpi_core.evaluation.speed` prints of this: seconds an image, and the runs against their bare calls."""
    device = pick_device(name)
    on_gpu = device.type != "cpu"
    where = device.type if on_gpu else "no GPU; cpu"
    make_prior = random_ffhq_prior if on_gpu else partial(load_prior, "embedded")
    found = {}
    setting = replace(GPU, modes=("float32", "bfloat16")) if on_gpu else SMALL  # to compile takes minutes
    for row in measured(setting, make_prior, name):
        found[f"{where}, {row.mode}, {row.seeds} seeds (s an image)"] = row.each
        found[f"{where}, {row.mode}, {row.seeds} seeds / bare calls"] = row.run / row.bare
    return found


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument(
        "--prior", help="a prior to time instead (default: the FFHQ architecture on a GPU, else embedded)"
    )
    parser.add_argument("--modes", nargs="+", choices=tuple(MODES), help="which of them (default: all on a GPU)")
    parser.add_argument("--seeds", nargs="+", type=int, help="batches to time beside single runs")
    args = parser.parse_args(argv)
    if args.seeds and min(args.seeds) < 1:
        parser.error(f"--seeds is {min(args.seeds)}; allowed is 1 or more.")
    device = pick_device(args.device)
    on_gpu = device.type != "cpu"
    if not on_gpu:
        print("There is no GPU here, so this is the small version on the CPU: it says nothing about a GPU's speed.")
    chosen = GPU if on_gpu else SMALL
    batches, modes = tuple(sorted({1, *(args.seeds or chosen.batches)})), tuple(args.modes or chosen.modes)
    setting = replace(chosen, batches=batches, modes=modes)
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{device.type}, {torch.get_num_threads()} threads"
    )
    prior = args.prior or ("FFHQ-256's architecture" if on_gpu else "embedded")

    make_prior = random_ffhq_prior if on_gpu and not args.prior else partial(load_prior, args.prior or "embedded")
    print(f"{name}; prior: {prior}; {setting.steps} steps; PyTorch {torch.__version__}\n{HEAD}")
    rows: list[Row] = []
    for row in measured(setting, make_prior, args.device):
        rows.append(row)
        print(report(rows), flush=True)


if __name__ == "__main__":
    main()
