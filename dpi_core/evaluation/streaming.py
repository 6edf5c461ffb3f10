"""What showing a run costs, for `dpi_core.evaluation.speed`.

After each step the page's HTML is made anew, its pictures encoded inside it. The share is the time spent outside the
steps, over the whole, both taken in the same run, so that a busy machine slows both. Loading and finding the face are not
counted, nor what comes after the last step.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dpi_core.models.presets import DEFAULT_PRESET, PRESETS
from dpi_core.web.engine import Engine
from dpi_core.web.session import Session
from dpi_core.weights.embedded_files import ASSETS

if TYPE_CHECKING:
    from dpi_core.restore.records import Restoration, RestoreStep
    from dpi_core.restore.restorer import Restorer

PHOTO = str(ASSETS / "examples" / "astronaut.jpg")
MODE = "Simulate x8"


class Timed:
    """A `Restorer` that keeps the begin and the end of everything its runs do, without what is done with it."""

    def __init__(self, restorer: "Restorer"):
        self.restorer = restorer
        self.spans: list[tuple[float, float]] = []
        self.steps = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.restorer, name)

    def restore_steps(self, *args, **options) -> "Iterator[RestoreStep | Restoration]":
        """Yield what `Restorer.restore_steps` does."""
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
        """Return the `Restorer` of `Engine.restorer`, timed."""
        restorer = super().restorer(prior)
        self.timed = self.timed or Timed(restorer)  # one clock for both sides of an A/B
        return self.timed


def restoration(engine: Engine, steps: int) -> Iterator:
    """Run the restore view on the example photo; yield what the page shows."""
    from dpi_core.restore.request import Request
    from dpi_core.web.restore_run import run
    from dpi_core.web.stage_data import Making

    config = replace(PRESETS[DEFAULT_PRESET].config, steps=steps)
    return run(engine, Session(), Making(PHOTO, Request(config, scale=8)))


def share(engine: TimedEngine, start: Callable[[], Iterator]) -> float:
    """Tell the share of a run that goes into showing it, from the first step's begin until the last step is shown."""
    engine.timed, known, shown, ended, spans = None, None, 0, 0.0, 0
    for _ in start():
        known = engine.timed
        if known is not None and known.steps > shown:
            shown, ended, spans = known.steps, time.perf_counter(), len(known.spans)
    if known is None or not shown:
        raise RuntimeError("the run showed no step; start the view by hand to see why.")
    inside = sum(end - begin for begin, end in known.spans[:spans])
    return 1 - inside / (ended - known.spans[0][0])
