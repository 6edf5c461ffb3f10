"""Exploring two settings, from a click to a grid of pictures: a view over `dpi_core.restore.variants`, one run a cell."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from dpi_core.errors import DPIError
from dpi_core.method.config import MAX_SEED, check_int
from dpi_core.restore.variants import VariantStep, mean_figures, run_variants
from dpi_core.web.axes import Grid, plan_grid
from dpi_core.web.checks import READING, chosen_photo, whole_number, with_messages
from dpi_core.web.engine import Engine
from dpi_core.web.explore_view import Tile, references_of, render_grid, render_maps, render_progress
from dpi_core.web.live import render_message
from dpi_core.web.session import Session
from dpi_core.web.single_face import ready_face

MAX_SEEDS = 4


@dataclass(frozen=True)
class Exploring:
    """What a visitor asked for: the two settings with their values as text, all other settings, and the seeds."""

    x: str
    columns: str
    y: str
    rows: str
    values: dict
    seed: float | None = 0
    count: int = 1

    def grid(self, prior: str = "embedded") -> Grid:
        """Plan the grid, to be run with a prior; ValueError says what is wrong with it."""
        return plan_grid(self.x, self.columns, self.y, self.rows, self.values, self.seeds(), prior)

    def seeds(self) -> tuple[int, ...]:
        """List the seeds of every cell: `count` from `seed` on."""
        first = whole_number("seed", self.seed)
        check_int("seeds per cell", self.count, 1, MAX_SEEDS)
        check_int("seed", first, 0, MAX_SEED - self.count)
        return tuple(range(first, first + self.count))


@dataclass(frozen=True)
class ExploreUpdate:
    """What changed on the page, as HTML, and at the end the files; None = as it was."""

    progress: str | None = None
    grid: str | None = None
    maps: str | None = None
    files: list[str] | None = None


def explore_plan(engine: Engine, request: Exploring) -> str:
    """Say what a grid would cost, as HTML, or what is wrong with it."""
    try:
        grid = request.grid(engine.settings.prior)
    except DPIError as error:
        return render_message(str(error), "error")
    cells, plan = len(grid.cells), grid.plan
    text = f"{_many(cells, 'cell')} ({len(grid.columns)} by {len(grid.rows)}), {_many(request.count, 'seed')} each: "
    if plan.saved:
        text += (
            f"{plan.steps} steps to run instead of {plan.steps + plan.saved}. {plan.saved} are saved: FCM knows neither tau, "
            "omega nor s, so cells that differ in these share their FCM steps."
        )
    else:
        text += f"{_many(plan.steps, 'step')} to run."
    seconds = engine.estimate_plan(plan)
    if seconds is not None:
        text += f" About {max(1, round(seconds))} s on this machine."
    return f'<p class="dpi-plan">{escape(text)}</p>'


@with_messages(ExploreUpdate)
def run_exploration(
    engine: Engine, session: Session, photo: str | None, mode: str, aligned: bool, request: Exploring
) -> Iterator[ExploreUpdate]:
    """Run the cells one after another: yields the progress after every step, the pictures after every cell."""
    from dpi_core.web.explore_files import write_files

    def say(line: str) -> ExploreUpdate:
        return ExploreUpdate(render_message(line))

    grid, photo = request.grid(engine.settings.prior), chosen_photo(photo)
    yield say(READING)
    faces = yield from ready_face(engine, session, photo, mode, aligned, say)
    ((_, prepared),) = faces.values()
    yield ExploreUpdate(grid=render_grid(grid, []), maps="")  # not earlier: a bad photo leaves what was shown
    references = references_of(prepared.jobs[0])
    tiles: list[Tile] = []
    settings: dict = {}
    said: dict[str, None] = {}  # what the runs have to say, each thing once
    begun, steps, saved = time.perf_counter(), 0, 0
    for item in run_variants(grid.plan, faces, stop=lambda: session.stopped):
        cell = grid.cells[item.run.place]
        if isinstance(item, VariantStep):
            steps, event = item.done, item.step.event
            text = (
                f"Cell {len(tiles) + 1} of {len(grid.cells)} ({grid.label(cell)}), step {event.index + 1} of {event.total}, "
                f"{item.seconds_left:.0f} s left"
            )
            yield ExploreUpdate(render_progress(steps, item.to_do, text, "Steps of the grid"))
            continue
        engine.note_result(item)
        said |= dict.fromkeys(item.restoration.messages)
        if item.restoration.complete:
            results, saved = item.restoration.results, saved + item.run.start
            settings = {key: results[0].settings[key] for key in ("version", "prior", "corrector", "scale", "aligned")}
            tiles.append(Tile(cell, results[0].image, mean_figures(results)))
            yield ExploreUpdate(grid=render_grid(grid, tiles, references), maps=render_maps(grid, tiles))
    complete, seeds = len(tiles) == len(grid.cells), request.seeds()
    how = "Finished" if complete else f"Stopped after {len(tiles)} of {len(grid.cells)} cells"
    message = f"{how} in {time.perf_counter() - begun:.1f} s. {_many(steps, 'step')} were run"
    message += f", {saved} saved." if saved else "."
    if len(seeds) > 1:
        message += f" The pictures show seed {seeds[0]}; the figures are means over {len(seeds)} seeds."
    message = " ".join((message, *said))
    if not tiles:
        yield ExploreUpdate(render_message(message), render_grid(grid, [], finished=True))
        return
    settings |= {"face": prepared.jobs[0].index, "seeds": list(seeds), "mode": mode, "complete": complete}
    settings |= {"steps_run": steps, "steps_saved": saved}
    files = write_files(session.results_folder("explore"), Path(photo).stem, grid, tiles, settings)
    finished = render_grid(grid, tiles, references, finished=True)
    yield ExploreUpdate(render_message(message), finished, render_maps(grid, tiles), files)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
