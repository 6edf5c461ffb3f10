"""What each method costs on this machine: ``python -m dpi_core.evaluation.method_costs``.

For each method the seconds that the processor works on one face in 20 and in 100 calls of the prior, and the peak memory of a
process that does nothing else, for one face and for eight seeds of it, at the prior's size and at twice that, where the same
network looks at four times the pixels: what a prior of that size and this architecture would cost. Each run is in a process of
its own, after a short one that allocates; the row "models" is what is there before.
"""

import argparse
import multiprocessing
import time
from collections import deque
from collections.abc import Iterator, Sequence

from dpi_core.baselines import NAMES, ONE_CALL
from dpi_core.commands.console import in_a_sentence
from dpi_core.evaluation.peak_memory import peak_megabytes
from dpi_core.evaluation.report import markdown
from dpi_core.models.presets import DEFAULT_PRESET, PRESETS
from dpi_core.weights.embedded_files import ASSETS

PHOTO = ASSETS / "examples" / "astronaut.jpg"
RUNS = ((1, 20, 1), (1, 100, 1), (1, 20, 8), (2, 20, 1), (2, 20, 8))  # enlarged by, calls, seeds
HEAD = ("method", "20 calls (s)", "100 calls (s)", "memory (MB)", "8 seeds", "twice the size", "twice, 8 seeds")


def cost(method: str | None, larger: int = 1, calls: int = 20, seeds: int = 1) -> tuple[float, float]:
    """Restore the example's face once; returns the processor's seconds and this process's peak memory in MB.

    Args:
        method: None = load the models and do nothing.
        larger: how often the prior's side the face is wide.
    """
    from dataclasses import replace

    from torch.nn.functional import interpolate

    from dpi_core.baselines.by_name import method_steps
    from dpi_core.restore.restorer import Restorer

    restorer = Restorer(precision="float32")
    job = restorer.prepare(PHOTO, scale=8).jobs[0]
    prior, corrector = restorer.prior, restorer.corrector
    if method is None:
        return 0.0, peak_megabytes()
    prior.image_size *= larger
    condition, low_res = (interpolate(x.to(restorer.device), scale_factor=larger) for x in (job.condition, job.low_res))

    def run(calls: int, seeds: int) -> None:
        config = replace(PRESETS[DEFAULT_PRESET][0], steps=calls)
        deque(
            method_steps(method, prior, condition, config, corrector=corrector, seeds=range(seeds), low_res=low_res),
            maxlen=1,
        )

    run(2, 1)
    start = time.process_time()
    run(calls, seeds)
    return time.process_time() - start, peak_megabytes()


def rows(methods: Sequence[str]) -> Iterator[list[str]]:
    """Measure each method; yields its row of the table."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as fresh:
        yield ["models", "-", "-", f"{fresh.apply(cost, (None,))[1]:.0f}", "-", "-", "-"]
        for method in methods:
            found = [fresh.apply(cost, (method, *run)) for run in RUNS]
            seconds, megabytes = [f"{s:.2f}" for s, _ in found], [f"{mb:.0f}" for _, mb in found]
            yield [method, *seconds[:2], megabytes[0], *megabytes[2:]]


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [name for name in NAMES if name not in ONE_CALL]
    parser.add_argument("methods", nargs="*", default=known, help=f"some of {', '.join(known)} (default: all)")
    methods = parser.parse_args(argv).methods
    unknown = [name for name in methods if name not in known]
    if unknown:
        parser.error(f"{unknown[0]!r} is no method that calls the prior; allowed are {', '.join(known)}")
    print(markdown(HEAD, rows(methods)))


if __name__ == "__main__":
    main()
