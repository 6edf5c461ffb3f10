"""Exploring two settings, from a click to a grid of pictures: a plain generator over the pipeline.

Each cell is one run; where its first steps are those of the run before, it goes on from there (`web.axes`).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.errors import DPIError
from dpi_core.method.config import MAX_SEED, check_int
from dpi_core.web.axes import Grid, plan_grid
from dpi_core.web.checks import READING, chosen_photo, whole_number, with_messages
from dpi_core.web.engine import Engine
from dpi_core.web.explore_view import Tile, render_grid, render_maps
from dpi_core.web.live import render_message
from dpi_core.web.session import Session
from dpi_core.web.single_face import prepare_one

if TYPE_CHECKING:
    from dpi_core.method.sampler import StepEvent
    from dpi_core.restore.records import Preparation
    from dpi_core.restore.restorer import Restoration

MAX_SEEDS = 4


@dataclass(frozen=True)
class Request:
    """What a visitor asked for: the two settings with their values as text, all other settings, and the seeds."""

    x: str
    columns: str
    y: str
    rows: str
    values: dict
    seed: float | None = 0
    count: int = 1

    def grid(self) -> Grid:
        """The grid; ValueError says what is wrong with it."""
        return plan_grid(self.x, self.columns, self.y, self.rows, self.values)

    def seeds(self) -> tuple[int, ...]:
        """The seeds of every cell: `count` from `seed` on."""
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


def explore_plan(engine: Engine, request: Request) -> str:
    """What a grid would cost, as HTML, or what is wrong with it."""
    try:
        grid, seeds = request.grid(), request.seeds()
    except DPIError as error:
        return render_message(str(error), "error")
    cells, total = len(grid.cells), grid.steps + grid.saved
    text = f"{_many(cells, 'cell')} ({len(grid.columns)} by {len(grid.rows)}), {_many(len(seeds), 'seed')} each: "
    if grid.saved:
        text += (
            f"{grid.steps} steps to run instead of {total}. {grid.saved} are saved: FCM knows neither tau, omega nor s, "
            "so cells that differ in these share their FCM steps."
        )
    else:
        text += f"{_many(total, 'step')} to run."
    seconds = engine.estimate(grid.steps * len(seeds))
    if seconds is not None:
        text += f" About {max(1, round(seconds))} s on this machine."
    return f'<p class="dpi-plan">{escape(text)}</p>'


@with_messages(ExploreUpdate)
def run_exploration(
    engine: Engine, session: Session, photo: str | None, mode: str, aligned: bool, request: Request
) -> Iterator[ExploreUpdate]:
    """Run the cells one after another: yields the progress after every step, the pictures after every cell."""
    grid, seeds, photo = request.grid(), request.seeds(), chosen_photo(photo)
    yield ExploreUpdate(render_message(READING))
    yield from _cells(engine, session, photo, mode, aligned, grid, seeds)


def _cells(
    engine: Engine, session: Session, photo: str, mode: str, aligned: bool, grid: Grid, seeds: tuple[int, ...]
) -> Iterator[ExploreUpdate]:
    from dpi_core.restore.restorer import Restoration
    from dpi_core.web.explore_files import write_files

    for line in engine.loading(stop=lambda: session.stopped):
        yield ExploreUpdate(render_message(line))
    restorer = engine.restorer()
    prepared = prepare_one(restorer, session, photo, mode, aligned)
    yield ExploreUpdate(grid=render_grid(grid, []), maps="")  # not earlier: a bad photo leaves what was shown
    references = _references(prepared)
    starts = {cell.start for cell in grid.cells}
    held: dict[int, StepEvent] = {}  # number of steps done -> the event that later cells go on from
    tiles: list[Tile] = []
    settings: dict = {}
    said: dict[str, None] = {}  # what the runs have to say, each thing once
    begun, steps = time.perf_counter(), 0
    for number, cell in enumerate(grid.cells, start=1):
        held = {done: event for done, event in held.items() if done <= cell.start}
        item = None
        for item in restorer.restore_steps(
            prepared, cell.config, seeds=seeds, after=held.get(cell.start), stop=lambda: session.stopped
        ):
            if isinstance(item, Restoration):
                break
            if item.event.index + 1 in starts:
                held[item.event.index + 1] = item.event
            steps += 1
            left = (time.perf_counter() - begun) / steps * (grid.steps - steps)
            text = (
                f"Cell {number} of {len(grid.cells)} ({grid.label(cell)}), step {item.event.index + 1} of "
                f"{item.event.total}, {left:.0f} s left"
            )
            yield ExploreUpdate(_progress(steps, grid.steps, text))
        assert isinstance(item, Restoration)  # what restore_steps ends with
        engine.note_pace(item.seconds, (item.results[0].settings["steps_done"] - cell.start) * len(seeds))
        said |= dict.fromkeys(item.messages)
        if item.complete:
            settings = {
                key: item.results[0].settings[key] for key in ("version", "prior", "corrector", "scale", "aligned")
            }
            tiles.append(Tile(cell, item.results[0].image, _figures(item)))
            yield ExploreUpdate(grid=render_grid(grid, tiles, references), maps=render_maps(grid, tiles))
        if session.stopped:
            break
    seconds = time.perf_counter() - begun
    complete = len(tiles) == len(grid.cells)
    how = "Finished" if complete else f"Stopped after {len(tiles)} of {len(grid.cells)} cells"
    saved = sum(tile.cell.start for tile in tiles)
    message = f"{how} in {seconds:.1f} s. {_many(steps, 'step')} were run{f', {saved} saved' if saved else ''}."
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


def _references(prepared: "Preparation") -> list:
    from dpi_core.imaging.pixels import to_image

    job = prepared.jobs[0]
    pictures = [("the input", to_image(job.condition[0]))]
    return pictures if job.truth is None else [*pictures, ("the truth", to_image(job.truth[0]))]


def _figures(restoration: "Restoration") -> dict[str, float]:
    """The means over the seeds, and how far the seeds lie apart."""
    import numpy as np

    from dpi_core.imaging.pixels import to_tensor
    from dpi_core.measure.comparison import compare

    results = restoration.results
    keys = [key for key in ("lr_consistency", "psnr", "ssim") if key in results[0].measured]
    figures: dict[str, float] = {
        key: round(sum(result.measured[key] for result in results) / len(results), 4) for key in keys
    }
    if len(results) > 1:
        images = to_tensor(np.stack([np.asarray(result.image) for result in results]))
        figures["diversity"] = round(compare(images, [result.seed for result in results]).diversity, 3)
    return figures


def _progress(done: int, total: int, text: str) -> str:
    return (
        f'<div class="dpi-progress"><progress max="{total}" value="{done}" aria-label="Steps of the grid"></progress>'
        f'<p class="dpi-line">{escape(text)}</p></div>'
    )


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
