"""Two settings or two priors on one seed, from a click to both results: a view over `dpi_core.restore.variants`."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.restore.variants import VariantStep, run_variants
from dpi_core.web.ab_outcome import AbOutcome, outcome_of
from dpi_core.web.ab_settings import both, words_of
from dpi_core.web.ab_view import Side, render_running
from dpi_core.web.checks import READING, chosen_photo, whole_number, with_messages
from dpi_core.web.engine import Engine
from dpi_core.web.live import render_message
from dpi_core.web.session import Session
from dpi_core.web.single_face import ready_face

if TYPE_CHECKING:
    from dpi_core.restore.records import Restoration


@with_messages()
def run_ab(
    engine: Engine,
    session: Session,
    photo: str | None,
    mode: str,
    aligned: bool,
    seed: float | None,
    a: dict,
    b: dict,
    priors: Sequence[str | None] = (None, None),
) -> Iterator[str | AbOutcome]:
    """Restore the chosen face with A and with B: yields both estimates after every step (HTML), last the outcome.

    `priors`: names of both priors, None = the page's own.
    """
    from dpi_core.imaging.pixels import to_image

    names = [engine.checked_prior(prior) for prior in priors]
    plan, photo = both(a, b, names, whole_number("seed", seed)), chosen_photo(photo)
    yield render_message(READING)
    faces = yield from ready_face(engine, session, photo, mode, aligned, render_message, names)
    if session.stopped:
        yield render_message("Stopped before the first step.")
        return
    words, begun = words_of(plan), time.perf_counter()
    sides: dict[int, Side] = {}
    ended: dict[int, Restoration] = {}
    done = 0
    for item in run_variants(plan, faces, side_by_side=True, stop=lambda: session.stopped):
        place = item.run.place
        if not isinstance(item, VariantStep):
            ended[place] = item.restoration
            engine.note_result(item)
            continue
        done, event = item.done, item.step.event
        together = event.index < plan.saved  # the one that runs them first runs them for both
        where = f"step {event.index + 1} of {event.total}" + (", the same for both" if together else "")
        sides[place] = Side(to_image(event.x0[0]), words[place], event.stage, where)
        if together:
            sides[1 - place] = replace(sides[place], words=words[1 - place])
        text = f"{done} of {item.to_do} steps, {item.seconds_left:.0f} s left"
        yield render_running([sides[i] for i in sorted(sides)], done, item.to_do, text)
    if len(ended) < 2:
        yield render_message(f"Stopped after {done} steps, before A and B parted: there is nothing to compare yet.")
        return
    places = [faces[name][1].jobs[0].matrix for name in names]
    seconds = time.perf_counter() - begun
    yield outcome_of(session, plan, [ended[0], ended[1]], places, seconds, Path(photo).stem)
