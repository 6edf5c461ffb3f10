"""Two settings on one seed, from a click to both results: a plain generator over the pipeline.

Both runs advance side by side, the one that is behind first. Steps they share (`ui.axes.shared_steps`) are run once: B goes
on from A's.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.config import DPIConfig
from dpi_core.ui.ab_view import Side, render_ab, render_running
from dpi_core.ui.axes import shared_steps
from dpi_core.ui.engine import Engine
from dpi_core.ui.live import render_message
from dpi_core.ui.one_face import prepare_one
from dpi_core.ui.restore import message_of, whole_number
from dpi_core.ui.session import Session

if TYPE_CHECKING:
    from dpi_core.pipeline import Restoration, Restorer
    from dpi_core.restoration import Preparation, RestoreStep

NAMES = "AB"
WORDS = {"tau": "tau", "sparsity": "k", "steps": "steps", "edge_exponent": "s", "omega": "omega", "eta": "eta"}
SWITCHES = {"correct": "CRT", "raw_eps": "raw eps", "project": "exact agreement"}


@dataclass(frozen=True)
class AbOutcome:
    """What the page shows of a finished comparison: both results as HTML, a line on it, and files to download."""

    html: str
    summary: str
    files: list[str]


def in_words(config: DPIConfig) -> str:
    """All settings of a run: tau 50, k 2, steps 20, s 1.4, omega 1500, eta 1, with CRT."""
    numbers = [f"{word} {getattr(config, field):g}" for field, word in WORDS.items()]
    switches = [f"{'with' if getattr(config, field) else 'no'} {word}" for field, word in SWITCHES.items()]
    return ", ".join([*numbers, *(text for text in switches if text.startswith("with") or text == "no CRT")])


def differences(a: DPIConfig, b: DPIConfig) -> str:
    """What two settings differ in: tau (350, 50) and eta (0, 1)."""
    parts = [f"{w} ({getattr(a, f):g}, {getattr(b, f):g})" for f, w in WORDS.items() if getattr(a, f) != getattr(b, f)]
    for field, word in SWITCHES.items():
        if getattr(a, field) != getattr(b, field):
            parts.append(f"{word} ({', '.join('on' if getattr(c, field) else 'off' for c in (a, b))})")
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def both(a: dict, b: dict) -> tuple[DPIConfig, DPIConfig]:
    """A and B from field names to values.

    Raises:
        ValueError: if a value is not allowed, or if they are the same.
    """
    first, second = DPIConfig.from_dict(a), DPIConfig.from_dict(b)
    if first == second:
        raise ValueError("A and B are the same settings. Choose another preset, or take the page's settings as A or B.")
    return first, second


def ab_plan(engine: Engine, a: dict, b: dict) -> str:
    """What A and B differ in and what running both would cost, as HTML, or what is wrong with them."""
    try:
        first, second = both(a, b)
    except ValueError as error:
        return render_message(str(error), "error")
    shared, total = shared_steps(first, second), first.steps + second.steps
    text = f"A and B differ in {differences(first, second)}. "
    if shared:
        text += f"{total - shared} steps to run instead of {total}: they share the first {shared}."
    else:
        text += f"{total} steps to run."
    seconds = engine.estimate(total - shared)
    if seconds is not None:
        text += f" About {max(1, round(seconds))} s on this machine."
    return f'<p class="dpi-plan">{escape(text)}</p>'


def run_ab(
    engine: Engine,
    session: Session,
    photo: str | None,
    mode: str,
    aligned: bool,
    seed: float | None,
    a: dict,
    b: dict,
) -> Iterator[str | AbOutcome]:
    """Restore the chosen face with A and with B: yields both estimates after every step (HTML), last the outcome."""
    try:
        configs, number = both(a, b), whole_number("seed", seed)
        if photo is None:
            yield render_message("Choose a photo first, or one of the examples.", "error")
            return
        yield render_message("Reading the photo and loading the models ..")
        yield from _steps(engine, session, photo, mode, aligned, number, configs)
    except Exception as error:
        yield render_message(message_of(error), "error")


def _steps(
    engine: Engine,
    session: Session,
    photo: str,
    mode: str,
    aligned: bool,
    seed: int,
    configs: tuple[DPIConfig, DPIConfig],
) -> Iterator[str | AbOutcome]:
    from dpi_core.pipeline import Restoration
    from dpi_core.pixels import to_image

    for line in engine.loading(lambda: session.stopped):
        yield render_message(line)
    restorer = engine.restorer()
    prepared = prepare_one(restorer, session, photo, mode, aligned)
    shared = shared_steps(*configs)
    total = configs[0].steps + configs[1].steps - shared
    begun, done = time.perf_counter(), 0
    finished: list[Restoration | None] = [None, None]
    sides: list[Side | None] = [None, None]
    for which, item in _side_by_side(restorer, prepared, configs, seed, shared, session):
        if isinstance(item, Restoration):
            finished[which] = item
            continue
        done += 1
        event = item.event
        together = which == 0 and event.index < shared
        where = f"step {event.index + 1} of {event.total}" + (", the same for both" if together else "")
        side = Side(to_image(event.x0[0]), in_words(configs[which]), event.stage, where)
        sides[which] = side
        if together:
            sides[1] = replace(side, words=in_words(configs[1]))
        left = (time.perf_counter() - begun) / done * (total - done)
        yield render_running(
            [s for s in sides if s is not None], done, total, f"{done} of {total} steps, {left:.0f} s left"
        )
    engine.note_pace(time.perf_counter() - begun, done)
    a, b = finished
    if a is None or b is None:
        yield render_message(f"Stopped after {done} steps, before A and B parted: there is nothing to compare yet.")
        return
    yield _outcome(session, a, b, configs, shared, time.perf_counter() - begun, Path(photo).stem)


def _side_by_side(
    restorer: "Restorer",
    prepared: "Preparation",
    configs: tuple[DPIConfig, DPIConfig],
    seed: int,
    shared: int,
    session: Session,
) -> "Iterator[tuple[int, RestoreStep | Restoration]]":
    """The steps of both runs with 0 for A and 1 for B; each ends in its `Restoration`.

    Stopped, both end after the step they are at; B is left out if it has not parted from A yet.
    """
    from dpi_core.pipeline import Restoration

    def begin(which: int, after=None):
        return restorer.restore_steps(
            prepared, configs[which], seeds=(seed,), after=after, stop=lambda: session.stopped
        )

    runs = {0: begin(0)} if shared else {0: begin(0), 1: begin(1)}
    share = [0.0, 0.0]
    while runs:
        which = min(runs, key=lambda i: share[i])
        item = next(runs[which])
        if isinstance(item, Restoration):
            del runs[which]
        else:
            share[which] = (item.event.index + 1) / item.event.total
            if which == 0 and item.event.index + 1 == shared and not session.stopped:
                runs[1], share[1] = begin(1, after=item.event), share[0]
        yield which, item


def _outcome(
    session: Session,
    a: "Restoration",
    b: "Restoration",
    configs: tuple[DPIConfig, DPIConfig],
    shared: int,
    seconds: float,
    stem: str,
) -> AbOutcome:
    import numpy as np

    from dpi_core.comparison import LEVELS, pairwise
    from dpi_core.images import save_png
    from dpi_core.pixels import to_image, to_tensor
    from dpi_core.viz import heat_map

    results = [run.results[0] for run in (a, b)]
    images = to_tensor(np.stack([np.asarray(result.image) for result in results]))
    distance = round(float(pairwise(images)[0, 1]), 3)
    apart = (images[0] - images[1]).abs().mean(dim=0) * LEVELS
    top = max(1.0, float(apart.quantile(0.99)))
    job, folder = results[0].job, session.results_folder("ab")
    references = [("the input", results[0].condition)]
    if job.truth is not None:
        references.append(("the truth", to_image(job.truth[0])))
    files, sides = [], []
    for name, result, config in zip(NAMES, results, configs, strict=True):
        steps = result.settings["steps_done"]
        where = f"{config.steps} steps" if steps == config.steps else f"stopped after step {steps} of {config.steps}"
        sides.append(Side(result.image, in_words(config), "final", where, result.measured))
        path = folder / f"{stem}-seed{result.seed}-{name}.png"
        save_png(result.image, path, result.settings)
        files.append(str(path))
    table = folder / f"{stem}-seed{results[0].seed}-AB.json"
    record = {name: result.settings for name, result in zip(NAMES, results, strict=True)}
    table.write_text(json.dumps({**record, "distance_levels": distance, "steps_shared": shared}, indent=1) + "\n")
    spread = heat_map(apart, top, images.mean(dim=0))
    how = "Finished" if a.complete and b.complete else "Stopped, the estimates kept,"
    saved = f", {shared} of them for both at once" if shared else ""
    ran = sum(result.settings["steps_done"] for result in results) - shared
    summary = (
        f"{how} in {seconds:.1f} s: {ran} steps{saved}. A and B lie {distance:.1f} levels apart "
        f"(root mean square, of 255). They differ in {differences(*configs)}."
    )
    page = render_ab(sides[0], sides[1], spread, top, references)
    return AbOutcome(page, render_message(summary), [*files, str(table)])
