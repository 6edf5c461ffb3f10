"""Carrying out a plan of variants of one face, step by step, with what is left of it.

plan = plan_variants([Variant(config, seeds, prior), ..])
for item in run_variants(plan, {prior: (restorer, preparation)}): ...
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpi_core.errors import DPIError
from dpi_core.restore.variants import Plan, PlannedRun

if TYPE_CHECKING:
    from dpi_core.method.sampler import StepEvent
    from dpi_core.restore.records import FaceResult, Preparation, Restoration, RestoreStep
    from dpi_core.restore.restorer import Restorer

FIGURES: tuple[str, ...] = ("lr_consistency", "psnr", "ssim")
Pace = tuple[str, str]
"""Prior and method: what the seconds of a step depend on."""


@dataclass(frozen=True, eq=False)
class VariantStep:
    """One step of one variant.

    Attributes:
        run: whose step it is.
        step: what it did.
        done, to_do: steps run so far, and of all variants.
        seconds_left: for what is left, each prior at its own pace so far.
    """

    run: PlannedRun
    step: "RestoreStep"
    done: int
    to_do: int
    seconds_left: float


@dataclass(frozen=True, eq=False)
class VariantResult:
    """What a variant ended in, finished or stopped."""

    run: PlannedRun
    restoration: "Restoration"

    @property
    def samples(self) -> int:
        """Count the steps it ran, each as often as there are seeds."""
        done: int = self.restoration.results[0].settings["steps_done"]
        return (done - self.run.start) * len(self.run.variant.seeds)


def run_variants(
    plan: Plan,
    faces: "Mapping[str, tuple[Restorer, Preparation]]",
    *,
    side_by_side: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[VariantStep | VariantResult]:
    """Run a plan; every variant comes out as if it were run alone, bit for bit.

    Args:
        faces: of each prior its models and the one face, prepared for it; nothing is pasted back.
        side_by_side: let all runs advance together, the one that is behind first; otherwise one after another, in order.
        stop: asked after every step; True ends the runs that have begun where they are and begins no other.

    Yields:
        VariantStep: for each step; and after the last of each variant, its VariantResult.

    Raises:
        DPIError: if more faces than one are prepared; and as `Restorer.restore_steps`.
    """
    from dpi_core.restore.records import RestoreStep, unpasted

    for prior, (_, prepared) in faces.items():
        if len(prepared.jobs) != 1:
            raise DPIError(f"{len(prepared.jobs)} faces are prepared for {prior}; variants are runs of one face.")
    waiting = list(plan.runs)
    running: dict[PlannedRun, Iterator[RestoreStep | Restoration]] = {}
    held: dict[tuple[int | None, int], StepEvent] = {}  # (source, start) -> where a run goes on
    for run in plan.runs:
        if plan.kept is not None and run.source is None and run.start:
            held[None, run.start] = plan.kept.events[run.start - 1]
    reached = {run: run.start for run in plan.runs}
    spent: dict[Pace, float] = defaultdict(float)  # seconds
    stopped = False

    def begin(run: PlannedRun) -> "Iterator[RestoreStep | Restoration]":
        v, (restorer, prepared) = run.variant, faces[run.variant.prior]
        return restorer.restore_steps(
            unpasted(prepared),
            v.config,
            seeds=v.seeds,
            after=held.get((run.source, run.start)),
            branch=v.branch,
            method=v.method,
            stop=lambda: stopped,
        )

    while True:
        for run in list(waiting):
            if (run.start == 0 or (run.source, run.start) in held) and (side_by_side or not running):
                waiting.remove(run)
                running[run] = begin(run)
        needed = {(run.source, run.start) for run in waiting}
        held = {key: event for key, event in held.items() if key in needed}
        if not running:
            return
        run = min(running, key=lambda run: (reached[run] / run.variant.steps, run.place))  # the one behind
        clock = time.perf_counter()
        item = next(running[run])
        spent[_pace_of(run)] += time.perf_counter() - clock
        if isinstance(item, RestoreStep):
            reached[run] = item.event.index + 1
            if (run.place, reached[run]) in needed:
                held[run.place, reached[run]] = item.event
            done = sum(reached.values()) - plan.saved
            yield VariantStep(run, item, done, plan.steps, _seconds_left(reached, spent))
        else:
            del running[run]
            if item.complete:
                reached[run] = run.variant.steps  # some methods need fewer calls than they may make
            yield VariantResult(run, item)
        if not stopped and stop():
            stopped, waiting = True, []
            running = {run: steps for run, steps in running.items() if reached[run] > run.start}


def _pace_of(run: PlannedRun) -> Pace:
    return run.variant.prior, run.variant.method


def _seconds_left(reached: Mapping[PlannedRun, int], spent: Mapping[Pace, float]) -> float:
    """Estimate what is left, each prior and method at its own pace so far, or at the others' before its first step."""
    done, left = Counter[Pace](), Counter[Pace]()
    for run, step in reached.items():
        done[_pace_of(run)] += (step - run.start) * len(run.variant.seeds)
        left[_pace_of(run)] += (run.variant.steps - step) * len(run.variant.seeds)
    usual = sum(spent.values()) / sum(done.values())
    return sum((spent[pace] / done[pace] if done[pace] else usual) * count for pace, count in left.items())


def mean_figures(results: "Sequence[FaceResult]") -> dict[str, float]:
    """Average what was measured of one face over its seeds; with several, `diversity` in 8-bit levels comes to it."""
    from dpi_core.measure.comparison import compare_pictures

    measured = [result.measured for result in results]
    figures = {key: round(sum(m[key] for m in measured) / len(measured), 4) for key in FIGURES if key in measured[0]}
    if len(results) > 1:
        compared = compare_pictures([result.image for result in results], [result.seed for result in results])
        figures["diversity"] = round(compared.diversity, 3)
    return figures
