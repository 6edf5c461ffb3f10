"""Comparing seeds, from a click to the faces: a plain generator over the pipeline, with errors turned into messages."""

import random
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpi_core.errors import DPIError
from dpi_core.method.config import MAX_SEED, DPIConfig, check_int
from dpi_core.restore.request import Branch
from dpi_core.restore.variants import Variant, VariantStep, plan_variants, run_variants
from dpi_core.web.checks import READING, chosen_photo, message_of
from dpi_core.web.engine import Engine
from dpi_core.web.restore_run import MODES
from dpi_core.web.seeds_data import Funnel, results_data
from dpi_core.web.session import Session
from dpi_core.web.single_face import ready_face
from dpi_core.web.trajectory import Source, Trajectory

if TYPE_CHECKING:
    from dpi_core.restore.restorer import Restoration

MIN_SEEDS, MAX_SEEDS = 2, 16
MAX_DRAWN = 2**32 - 1


@dataclass(frozen=True)
class ComparisonOutcome:
    """What the page shows of a finished comparison: the view's value, and the file to download."""

    view: dict[str, Any]
    bundle: str


@dataclass(frozen=True)
class Comparing:
    """What is compared: one face, its settings and seeds.

    Attributes:
        photo, mode, aligned: the page's controls.
        config: the settings.
        seeds: one face each.
        pick: mark that many of the most different results; below 2 none.
        branch: let the seeds part after that step of the session's last restoration; 0 = each from its own noise.
    """

    photo: str | None
    mode: str
    aligned: bool
    config: DPIConfig
    seeds: tuple[int, ...]
    pick: int = 2
    branch: int = 0


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read seeds from "3, 8 10-13": numbers and ranges, in the order given.

    Raises:
        ValueError: if something is no number, a seed comes twice, or there are not 2 to 16.
    """
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


def compare_plan(engine: Engine, seeds: Sequence[int], config: DPIConfig) -> str:
    """Say what a comparison would do and cost."""
    seconds = engine.estimate_plan(plan_variants([Variant(config, tuple(seeds), engine.settings.prior)]))
    cost = f", about {max(1, round(seconds))} s on this machine" if seconds is not None else ""
    return f"{len(seeds)} seeds of {config.steps} steps each, tau {config.tau}, in one batch{cost}."


def run_comparison(engine: Engine, session: Session, asked: Comparing) -> Iterator[dict[str, Any] | ComparisonOutcome]:
    """Restore the chosen face with every seed: yields what the view shows after every step, last the outcome.

    A wrong input ends the run with one message.
    """
    funnel = Funnel(f"{time.time():.3f}", asked.seeds, asked.config)
    try:
        yield from _steps(engine, session, asked, funnel)
    except Exception as error:
        yield {"run": funnel.run, "state": "failed", "line": message_of(error)}


def _steps(
    engine: Engine, session: Session, asked: Comparing, funnel: Funnel
) -> Iterator[dict[str, Any] | ComparisonOutcome]:
    config, seeds, photo = asked.config, asked.seeds, chosen_photo(asked.photo)
    yield funnel.value("reading", READING)
    faces = yield from ready_face(
        engine, session, photo, asked.mode, asked.aligned, lambda line: funnel.value("loading", line)
    )
    ((prior, (_, prepared)),) = faces.items()
    funnel.look_at(prepared.jobs[0])
    kept = None
    if asked.branch:
        source = Source(photo, MODES[asked.mode], asked.aligned, prepared.jobs[0].index, seed=0)
        kept = _kept(session, source, config, asked.branch).kept(prior)
    parted = Branch(asked.branch, kept.variant.seeds[0]) if kept else None
    plan = plan_variants([Variant(config, seeds, prior, parted)], kept)
    row = None
    for item in run_variants(plan, faces, stop=lambda: session.stopped):
        if not isinstance(item, VariantStep):
            engine.note_result(item)
            yield _outcome(session, item.restoration, asked.pick, funnel, row, Path(photo).stem)
            return
        event = item.step.event
        row = funnel.add(event)
        line = f"Step {event.index + 1} of {event.total}, t = {event.t}, {item.seconds_left:.1f} s left"
        yield funnel.value("running", line, now=row)


def _kept(session: Session, source: Source, config: DPIConfig, step: int) -> Trajectory:
    """Return the session's last restoration, if the seeds can part after this step of it."""
    known = session.trajectory
    shared = known.shared(replace(source, seed=known.source.seed), config) if known is not None else 0
    if known is None or step > shared:
        there = f"it shares {shared} steps with them" if shared else "there is none yet"
        raise DPIError(
            f"branch is {step}: the seeds can part after a step of the last restoration of this face with these settings; "
            f"{there}. Restore the face first, or set branch to {shared}."
        )
    return known


def _outcome(
    session: Session, restoration: "Restoration", pick: int, funnel: Funnel, row: dict[str, Any] | None, stem: str
) -> ComparisonOutcome:
    from dpi_core.measure.comparison import compare_pictures, most_different
    from dpi_core.show.bundle import write_bundle

    results, settings = restoration.results, restoration.results[0].settings
    comparison = compare_pictures([result.image for result in results], [result.seed for result in results])
    picked = most_different(comparison.distances, min(pick, len(results))) if pick >= 2 else []
    path = session.results_folder("compare") / f"{stem}-{len(results)}-seeds.zip"
    write_bundle(path, results, comparison, picked)
    total, steps = funnel.config.steps, settings["steps_done"]
    how = "Done" if restoration.complete else f"Stopped after step {steps} of {total}, the estimates kept,"
    line = " ".join((f"{how} in {restoration.seconds:.1f} s.", *restoration.messages))
    data = results_data(restoration, comparison, picked)
    if settings.get("branch"):
        data["note"] += (
            f" They parted after step {settings['branch']['step']} of {total}: all they differ in came after it."
        )
    state = "done" if restoration.complete else "stopped"
    return ComparisonOutcome(funnel.value(state, line, now=row, rows=funnel.rows, **data), str(path))
