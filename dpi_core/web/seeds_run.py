"""Comparing seeds, from a click to the faces: a plain generator over the pipeline, with errors turned into messages."""

import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpi_core.errors import DPIError
from dpi_core.method.config import MAX_SEED, check_int
from dpi_core.restore.request import Branch, Request
from dpi_core.restore.variant_runs import VariantStep, run_variants
from dpi_core.restore.variants import Variant, plan_variants
from dpi_core.web.checks import with_messages
from dpi_core.web.chosen_face import face_of
from dpi_core.web.engine import Engine
from dpi_core.web.live import ViewOutcome, cost_text, given_of
from dpi_core.web.seeds_data import Funnel, results_data
from dpi_core.web.session import Session
from dpi_core.web.single_face import ready_face
from dpi_core.web.stage_data import Making
from dpi_core.web.trajectory import Source, Trajectory

if TYPE_CHECKING:
    from dpi_core.restore.restorer import Restoration

MIN_SEEDS, MAX_SEEDS = 2, 16
MAX_DRAWN = 2**32 - 1


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read 2 to 16 different seeds from "3, 8 10-13": numbers and ranges, in the order given; DPIError on anything else."""
    seeds: list[int] = []
    for part in re.split(r"[,;\s]+", text.strip()):
        match = re.fullmatch(r"(\d+)(?:(?:-|\.\.)(\d+))?", part)
        if match is None:
            raise DPIError(f"seeds holds {part!r}; allowed are whole numbers and ranges, such as 0, 4, 10-13.")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 0 <= last - first < 1000:
            raise DPIError(f"seeds holds {part!r}; a range goes upwards, by at most {MAX_SEEDS} seeds.")
        seeds += range(first, last + 1)
    for seed in seeds:
        check_int("seed", seed, 0, MAX_SEED)
    if len(set(seeds)) < len(seeds):
        raise DPIError(f"seeds is {text!r}; each seed is allowed once.")
    if not MIN_SEEDS <= len(seeds) <= MAX_SEEDS:
        raise DPIError(f"{len(seeds)} seeds are given; allowed are {MIN_SEEDS} to {MAX_SEEDS}.")
    return tuple(seeds)


def redrawn(text: str, kept: list[str]) -> str:
    """Replace the seeds of `text`, all but those in `kept`, by new random ones."""
    seeds = parse_seeds(text)
    taken = set(seeds)
    result = []
    for seed in seeds:
        fresh = seed
        while str(seed) not in kept and fresh in taken:
            fresh = random.randint(0, MAX_DRAWN)
        taken.add(fresh)
        result.append(fresh)
    return ", ".join(map(str, result))


def compare_plan(engine: Engine, request: Request) -> str:
    """Say what a comparison would do and cost."""
    seconds, config = engine.estimate_plan(plan_variants([Variant.of(request)])), request.config
    how = f"tau {config.tau}" if request.method == "dpi" else request.method
    return f"{len(request.seeds)} seeds of {config.steps} steps each, {how}, in one batch.{cost_text(seconds)}"


@with_messages
def run_comparison(
    engine: Engine, session: Session, making: Making, pick: int = 2, branch: int = 0
) -> Iterator[dict[str, Any] | ViewOutcome]:
    """Restore the chosen face with every seed: yields what the view shows after every step, last the outcome.

    Args:
        pick: mark that many of the most different results; below 2 none.
        branch: let the seeds part after that step of the session's last restoration; 0 = each from its own noise.
    """
    funnel = Funnel(f"{time.time():.3f}", making.request)
    faces = yield from ready_face(engine, session, making, funnel.value)
    ((prior, (_, prepared)),) = faces.items()
    funnel.given = given_of(prepared.jobs[0])
    request, kept = making.request, None
    if branch:
        known = _kept(session, making, prepared.jobs[0].index, branch)
        kept, request = known.kept(prior), request.replaced({"branch": Branch(branch, known.source.seed)})
    row = None
    for item in run_variants(plan_variants([Variant.of(request)], kept), faces, stop=lambda: session.stopped):
        if not isinstance(item, VariantStep):
            engine.note_result(item)
            yield _outcome(session, item.restoration, pick, funnel, row, Path(str(making.photo)).stem)
            return
        event = item.step.event
        row = funnel.add(event)
        drawn = event.stage == "final" and item.step.job.doubled
        left = (
            f"drawing the faces at {2 * event.x0.shape[-1]} pixels .." if drawn else f"{item.seconds_left:.1f} s left"
        )
        line = f"Step {event.index + 1} of {event.total}, t = {event.t}, {left}"
        yield funnel.value("running", line, now=row)


def _kept(session: Session, making: Making, face: int, step: int) -> Trajectory:
    """Return the session's last restoration, if the seeds can part after this step of it."""
    known, request = session.trajectory, making.request
    seed = known.source.seed if known is not None else 0
    source = Source(str(making.photo), request.scale, request.aligned, face, seed)
    shared = known.shared(source, request.config) if known is not None else 0
    if known is None or step > shared:
        there = f"it shares {shared} steps with them" if shared else "there is none yet"
        raise DPIError(
            f"branch is {step}: the seeds can part after a step of the last restoration of this face with these settings; "
            f"{there}. Restore the face first, or set branch to {shared}."
        )
    return known


def _outcome(
    session: Session, restoration: "Restoration", pick: int, funnel: Funnel, row: dict[str, Any] | None, stem: str
) -> ViewOutcome:
    from dpi_core.measure.comparison import compare_pictures, most_different
    from dpi_core.show.bundle import write_bundle

    results, settings = restoration.results, restoration.results[0].settings
    comparison = compare_pictures([result.image for result in results], [result.seed for result in results])
    picked = most_different(comparison.distances, min(pick, len(results))) if pick >= 2 else []
    path = session.results_folder("compare") / f"{stem}-{len(results)}-seeds.zip"
    write_bundle(path, results, comparison, picked)
    total, steps = funnel.request.config.steps, settings["steps_done"]
    how = "Done" if restoration.complete else f"Stopped after step {steps} of {total}, the estimates kept,"
    line = " ".join((f"{how} in {restoration.seconds:.1f} s.", *restoration.messages))
    data = results_data(restoration, comparison, picked)
    data["note"] = f"{face_of(restoration.preparation)} {data['note']}".lstrip()
    if settings.get("branch"):
        data["note"] += (
            f" They parted after step {settings['branch']['step']} of {total}: all they differ in came after it."
        )
    state = "done" if restoration.complete else "stopped"
    return ViewOutcome(funnel.value(state, line, now=row, rows=funnel.rows, **data), [str(path)])
