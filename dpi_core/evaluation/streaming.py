"""What showing a run costs: ``python -m dpi_core.evaluation.streaming [--view restore --runs 5 --steps 20]``.

Every view streams: after each step the page's HTML is made anew, its pictures encoded inside it. The share is the time
spent outside the steps, over the whole, both taken in the same run, so that a busy machine slows both; the median of
some runs. Loading and finding the face are not counted, nor what comes after the last step. The budget is 5 %.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from dpi_core.method.config import DPIConfig
from dpi_core.models.presets import DEFAULT_PRESET, PRESETS
from dpi_core.web.engine import Engine
from dpi_core.web.session import Session
from dpi_core.weights.embedded_files import ASSETS

if TYPE_CHECKING:
    from dpi_core.restore.records import Restoration, RestoreStep
    from dpi_core.restore.restorer import Restorer

PHOTO = str(ASSETS / "examples" / "astronaut.jpg")
MODE = "Simulate x8"
BUDGET = 0.05


class Timed:
    """A `Restorer` that keeps the begin and the end of everything its runs do, without what is done with it."""

    def __init__(self, restorer: "Restorer"):
        self.restorer = restorer
        self.spans: list[tuple[float, float]] = []
        self.steps = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.restorer, name)

    def restore_steps(self, *args, **options) -> "Iterator[RestoreStep | Restoration]":
        """As `Restorer.restore_steps`."""
        steps = self.restorer.restore_steps(*args, **options)
        while True:
            start = time.perf_counter()
            item = next(steps, None)
            if item is None:
                return
            self.spans.append((start, time.perf_counter()))
            self.steps += hasattr(item, "event")
            yield item


class TimedEngine(Engine):
    """An `Engine` whose runs are timed; set `timed` to None before each."""

    timed: Timed | None = None

    def restorer(self, prior: str | None = None) -> Any:
        """As `Engine.restorer`."""
        restorer = super().restorer(prior)
        self.timed = self.timed or Timed(restorer)  # one clock for both sides of an A/B
        return self.timed


def views(engine: Engine, steps: int) -> dict[str, Callable[[], Iterator]]:
    """A run of each view on the example photo, started by a call."""
    from dpi_core.web.ab_run import run_ab
    from dpi_core.web.explore_run import Request, run_exploration
    from dpi_core.web.restore_run import run
    from dpi_core.web.seeds_run import run_comparison
    from dpi_core.web.stage_data import Making

    values = asdict(PRESETS[DEFAULT_PRESET].config) | {"steps": steps}
    shared = (engine, Session(), PHOTO, MODE, False)
    request = Request("tau", "0, 350", "sparsity", "1, 2", values)
    making = Making(PHOTO, MODE, False, (0,), 1, 0, DPIConfig.from_dict(values))
    return {
        "restore": partial(run, *shared[:2], making),
        "compare": partial(run_comparison, *shared, "0-3", 2, 0, values),
        "explore": partial(run_exploration, *shared, request),
        "ab": partial(run_ab, *shared, 0, values, values | {"eta": 1.0}),
    }


def share(engine: TimedEngine, start: Callable[[], Iterator]) -> float:
    """The share of a run that goes into showing it, from the first step's begin until the last step is shown."""
    engine.timed, known, shown, ended, spans = None, None, 0, 0.0, 0
    for _ in start():
        known = engine.timed
        if known is not None and known.steps > shown:
            shown, ended, spans = known.steps, time.perf_counter(), len(known.spans)
    if known is None or not shown:
        raise RuntimeError("the run showed no step; start the view by hand to see why.")
    inside = sum(end - begin for begin, end in known.spans[:spans])
    return 1 - inside / (ended - known.spans[0][0])


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--view", choices=["restore", "compare", "explore", "ab"], help="one view (default: all)")
    parser.add_argument("--runs", type=int, default=5, help="the median of so many runs (default 5)")
    parser.add_argument("--steps", type=int, default=20, help="denoising steps (default 20)")
    args = parser.parse_args(argv)
    engine = TimedEngine()
    chosen = {name: run for name, run in views(engine, args.steps).items() if args.view in (None, name)}
    print("| view | streaming, share of a run | budget |\n|---|---|---|")
    for name, run in chosen.items():
        share(engine, run)  # the first loads the models
        measured = statistics.median(share(engine, run) for _ in range(args.runs))
        print(f"| {name} | {measured:.1%} | {BUDGET:.0%} |", flush=True)


if __name__ == "__main__":
    main()
