"""What a run costs on this machine: ``python -m dpi_core.evaluation.speed [--json FILE]``.

Prints the figures of the budgets, all measured in one go: the first page, the first restoration and the next ones, eight
seeds in a batch against eight single runs, the sampler's own share, the published algorithm's cost against ours, the cost of
streaming to a page, batches (on the GPU where there is one), and peak memory.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dpi_core.commands.console import in_a_sentence
from dpi_core.evaluation.peak_memory import peak_megabytes
from dpi_core.evaluation.served_app import serving
from dpi_core.models.presets import DEFAULT_PRESET, PRESETS
from dpi_core.weights.embedded_files import ASSETS

PHOTO = ASSETS / "examples" / "astronaut.jpg"
CONFIG = PRESETS[DEFAULT_PRESET][0]
RUNS = 5


def seconds(work: Callable[[], object], runs: int = RUNS) -> float:
    """Measure the median time of `runs` calls, in seconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def first_page() -> float:
    """Measure the seconds from starting ``python app.py`` until its page answers."""
    start = time.perf_counter()
    with serving():
        return time.perf_counter() - start


def sampler_shares() -> dict[str, float]:
    """Measure the seconds of a run, of the network calls inside it, and of eight seeds in one batch and one by one."""
    from dpi_core.method.sampler import sample
    from dpi_core.restore.restorer import Restorer

    restorer = Restorer()
    job = restorer.prepare(PHOTO, scale=8).jobs[0]
    condition, low_res = job.condition.to(restorer.device), job.low_res.to(restorer.device)
    spent = [0.0]

    class Timed:
        image_size, alpha_bar = restorer.prior.image_size, restorer.prior.alpha_bar

        def predict_eps(self, x_t, t):
            return timed(lambda: restorer.prior.predict_eps(x_t, t))

    def timed(call):
        start = time.perf_counter()
        result = call()
        spent[0] += time.perf_counter() - start
        return result

    def corrector(noisy_grid, t, condition_grid):
        return timed(lambda: restorer.corrector(noisy_grid, t, condition_grid))

    def run(seeds, prior=restorer.prior, corrector=restorer.corrector, steps=CONFIG.steps):
        config = replace(CONFIG, steps=steps)
        return sample(prior, condition, config, corrector=corrector, seeds=seeds, low_res=low_res)

    run([0])
    shares, singles = [], []
    for _ in range(RUNS):
        spent[0] = 0.0
        start = time.perf_counter()
        run([0], Timed(), corrector)
        whole = time.perf_counter() - start
        shares.append(1 - spent[0] / whole)
        singles.append(whole)
    pairs = [
        (seconds(lambda: [run([seed]) for seed in range(8)], 1), seconds(lambda: run(range(8)), 1)) for _ in range(3)
    ]
    doubled = seconds(lambda: run([0], corrector=None, steps=2 * CONFIG.steps), 3)
    plain = seconds(lambda: run([0], corrector=None), 3)
    return {
        "sampling, one face, 20 steps (s)": statistics.median(singles),
        "sampler's own share of a run": statistics.median(shares),
        "8 seeds one by one (s)": statistics.median(single for single, _ in pairs),
        "8 seeds in one batch (s)": statistics.median(batch for _, batch in pairs),
        "batch of 8 / 8 single runs": statistics.median(batch / single for single, batch in pairs),
        "40 steps / 20 steps": doubled / plain,
    }


def restorations() -> dict[str, float]:
    """Measure the seconds of the first restoration in a fresh process (with loading) and of the next, photo to photo."""
    from dpi_core.restore.restorer import Restorer

    start = time.perf_counter()
    restorer = Restorer()
    restorer.restore(PHOTO, CONFIG)
    first = time.perf_counter() - start
    return {
        "first restoration, loading included (s)": first,
        "next restorations (s)": seconds(lambda: restorer.restore(PHOTO, CONFIG)),
        "of which finding the face (s)": seconds(lambda: restorer.prepare(PHOTO)),
    }


def published() -> dict[str, float]:
    """Measure the published algorithm's cost against ours (`dpi_core.evaluation.method_speed`)."""
    from dpi_core.evaluation.method_speed import figures
    from dpi_core.restore.restorer import Restorer

    restorer = Restorer()
    job = restorer.prepare(PHOTO, scale=8).jobs[0]
    condition, low_res = job.condition.to(restorer.device), job.low_res.to(restorer.device)
    return figures(restorer.prior, restorer.corrector, condition, low_res, CONFIG.steps)


def streaming() -> dict[str, float]:
    """Measure what showing a restoration costs, as a share of the run (`dpi_core.evaluation.streaming`)."""
    from dpi_core.evaluation.streaming import TimedEngine, restoration, share

    engine = TimedEngine()
    shares = [share(engine, lambda: restoration(engine, CONFIG.steps)) for _ in range(RUNS + 1)]
    return {"streaming to the page, share of a run": statistics.median(shares[1:])}  # the first loads the models


def batches() -> dict[str, float]:
    """Measure batches on the GPU, or a few on the CPU where there is none (`dpi_core.evaluation.speed_gpu`)."""
    from dpi_core.evaluation.speed_gpu import figures

    return figures()


PARTS: dict[str, Callable[[], dict[str, float]]] = {
    "page": lambda: {"first page of python app.py (s)": first_page()},
    "restorations": restorations,
    "sampler": sampler_shares,
    "published": published,
    "streaming": streaming,
    "batches": batches,
}


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.part:
        figures = PARTS[args.part]()
        figures["peak memory (MB)"] = peak_megabytes()
        print(json.dumps(figures))
        return
    report: dict[str, float] = {"cores": float(os.cpu_count() or 1)}
    for part in PARTS:  # each in a process of its own, so that a "first" is one
        command = [sys.executable, "-m", "dpi_core.evaluation.speed", "--part", part]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ASSETS.parent)
        if done.returncode:
            raise SystemExit(f"{part}: {done.stderr.strip()}")
        figures = json.loads(done.stdout.strip().splitlines()[-1])
        memory = figures.pop("peak memory (MB)")
        if part != "page":
            figures[f"peak memory, {part} (MB)"] = memory
        for name, value in figures.items():
            print(f"{name:56} {value:8.3f}", flush=True)
        report |= figures
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
