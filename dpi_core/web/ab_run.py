"""Two settings or two priors on one seed, from a click to both results: a plain generator over the pipeline.

Both runs advance side by side, the one that is behind first. Steps they share (`web.axes.shared_steps`) are run once: B goes
on from A's.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.errors import DPIError
from dpi_core.web.ab_outcome import AbOutcome, outcome_of
from dpi_core.web.ab_settings import NAMES, Setup, both, steps_in_common
from dpi_core.web.ab_view import Side, render_running
from dpi_core.web.checks import READING, chosen_photo, whole_number, with_messages
from dpi_core.web.engine import Engine
from dpi_core.web.live import render_message
from dpi_core.web.session import Session
from dpi_core.web.single_face import prepare_face

if TYPE_CHECKING:
    from dpi_core.restore.records import Preparation, RestoreStep
    from dpi_core.restore.restorer import Restoration, Restorer


@dataclass(frozen=True, eq=False)
class Runner:
    """One of the two, ready to run: its models, and the face as its prior is given it, in its place in the photo."""

    setup: Setup
    restorer: "Restorer"
    prepared: "Preparation"


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
    names = [engine.checked_prior(prior) for prior in priors]
    setups, number, photo = both(a, b, names), whole_number("seed", seed), chosen_photo(photo)
    yield render_message(READING)
    runners = []
    for name, setup in zip(NAMES, setups, strict=True):
        if not engine.holds(setup.prior) and names[0] != names[1]:
            yield render_message(
                f"Loading {name}'s prior {setup.prior}; the first time it may have to be downloaded .."
            )
        try:
            for line in engine.loading(setup.prior, lambda: session.stopped):
                yield render_message(line)
            restorer = engine.restorer(setup.prior)
        except DPIError as error:
            if session.stopped:
                raise
            raise DPIError(f"{name}'s prior {setup.prior} cannot be loaded: {error}") from error
        if session.stopped:
            yield render_message("Stopped before the first step.")
            return
        runners.append(Runner(setup, restorer, prepare_face(restorer, session, photo, mode, aligned)))
    yield from _steps(engine, session, runners, number, Path(photo).stem)


def _steps(
    engine: Engine, session: Session, runners: Sequence[Runner], seed: int, stem: str
) -> Iterator[str | AbOutcome]:
    from dpi_core.imaging.pixels import to_image
    from dpi_core.restore.restorer import Restoration

    setups = [runner.setup for runner in runners]
    shared = steps_in_common(*setups)
    words = [setup.in_words(setups[0].prior != setups[1].prior) for setup in setups]
    begun = last = time.perf_counter()
    to_do = [setups[0].config.steps, setups[1].config.steps - shared]
    done, spent = [0, 0], [0.0, 0.0]
    finished: list[Restoration | None] = [None, None]
    sides: list[Side | None] = [None, None]
    for which, item in _side_by_side(runners, seed, shared, session):
        if isinstance(item, Restoration):
            finished[which] = item
            continue
        event = item.event
        done[which] += 1
        spent[which] += time.perf_counter() - last
        together = which == 0 and event.index < shared
        where = f"step {event.index + 1} of {event.total}" + (", the same for both" if together else "")
        side = Side(to_image(event.x0[0]), words[which], event.stage, where)
        sides[which] = side
        if together:
            sides[1] = replace(side, words=words[1])
        text = f"{sum(done)} of {sum(to_do)} steps, {_left(done, spent, to_do):.0f} s left"
        yield render_running([s for s in sides if s is not None], sum(done), sum(to_do), text)
        last = time.perf_counter()
    for setup, seconds, count in zip(setups, spent, done, strict=True):
        engine.note_pace(seconds, count, setup.prior)
    a, b = finished
    if a is None or b is None:
        yield render_message(
            f"Stopped after {sum(done)} steps, before A and B parted: there is nothing to compare yet."
        )
        return
    places = [runner.prepared.jobs[0].matrix for runner in runners]
    yield outcome_of(session, (a, b), setups, places, shared, time.perf_counter() - begun, stem)


def _left(done: Sequence[int], spent: Sequence[float], to_do: Sequence[int]) -> float:
    """Seconds left, each at its own pace so far, or at the other's before its first step."""
    usual = sum(spent) / sum(done)
    paces = [seconds / count if count else usual for seconds, count in zip(spent, done, strict=True)]
    return sum(pace * (total - count) for pace, total, count in zip(paces, to_do, done, strict=True))


def _side_by_side(
    runners: Sequence[Runner], seed: int, shared: int, session: Session
) -> "Iterator[tuple[int, RestoreStep | Restoration]]":
    """The steps of both runs with 0 for A and 1 for B; each ends in its `Restoration`.

    Stopped, both end after the step they are at; B is left out if it has not parted from A yet.
    """
    from dpi_core.restore.records import unpasted
    from dpi_core.restore.restorer import Restoration

    def begin(which: int, after=None):
        runner = runners[which]
        return runner.restorer.restore_steps(
            unpasted(runner.prepared), runner.setup.config, seeds=(seed,), after=after, stop=lambda: session.stopped
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
