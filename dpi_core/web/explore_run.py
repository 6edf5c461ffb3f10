"""Exploring two settings, from a click to a grid of pictures: a view over `dpi_core.restore.variants`, one run a cell."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dpi_core.restore.variant_runs import VariantStep, mean_figures, run_variants
from dpi_core.web.axes import Grid
from dpi_core.web.checks import with_messages
from dpi_core.web.chosen_face import face_of
from dpi_core.web.engine import Engine
from dpi_core.web.explore_data import Tile, axes_data, cell_data, maps_data
from dpi_core.web.live import ViewOutcome, cost_text, data_uri, given_of, many
from dpi_core.web.session import Session
from dpi_core.web.single_face import ready_face
from dpi_core.web.stage_data import Making

MAX_SEEDS = 4


def explore_plan(engine: Engine, grid: Grid) -> str:
    """Say what a grid would cost."""
    plan = grid.plan
    text = f"{many(len(grid.cells), 'cell')} ({len(grid.columns)} by {len(grid.rows)}), "
    text += f"{many(len(grid.request.seeds), 'seed')} each: "
    if plan.saved:
        text += f"{plan.steps} steps to run instead of {plan.steps + plan.saved}: cells share their FCM steps."
    else:
        text += f"{many(plan.steps, 'step')} to run."
    return text + cost_text(engine.estimate_plan(plan))


@with_messages
def run_exploration(
    engine: Engine, session: Session, photo: str | None, grid: Grid
) -> Iterator[dict[str, Any] | ViewOutcome]:
    """Run the cells one after another: yields what the view shows after every step, last the outcome.

    Stopped, it keeps the cells that were finished, and the estimate of the one that was not.
    """
    from dpi_core.imaging.pixels import to_image
    from dpi_core.restore.records import first_doubled
    from dpi_core.web.explore_files import write_files

    tiles: dict[int, Tile] = {}  # by the places of their cells
    cells = [cell_data(grid, cell) for cell in grid.cells]
    shown: dict[str, Any] = {"run": f"{time.time():.3f}", **axes_data(grid)}

    def value(state: str, line: str, **more: Any) -> dict[str, Any]:
        return {**shown, "state": state, "line": line, "cells": list(cells), **more}

    faces = yield from ready_face(engine, session, Making(photo, grid.request), value)
    ((prior, (restorer, prepared)),) = faces.items()
    faces = {prior: (restorer, first_doubled(prepared))}
    shown |= given_of(prepared.jobs[0])
    said: dict[str, None] = {}  # what the runs have to say, each thing once
    begun, steps, saved = time.perf_counter(), 0, 0
    for item in run_variants(grid.plan, faces, stop=lambda: session.stopped):
        place = item.run.place
        cell = grid.cells[place]
        if isinstance(item, VariantStep):
            steps, event = item.done, item.step.event
            cells[place] = cell_data(grid, cell, state="running", picture=data_uri(to_image(event.x0[0])))
            line = (
                f"Cell {len(tiles) + 1} of {len(cells)} ({grid.label(cell)}), step {event.index + 1} of {event.total}"
            )
            line += f", {item.seconds_left:.0f} s left"
            yield value("running", line, stage=event.stage, progress=[steps, item.to_do])
            continue
        engine.note_result(item)
        said |= dict.fromkeys(item.restoration.messages)
        results, saved = item.restoration.results, saved + item.run.start
        done = results[0].settings["steps_done"]
        tiles[place] = Tile(cell, results[0].finest, mean_figures(results), done, item.restoration.complete)
        cells[place] = cell_data(grid, cell, tiles[place], picture=data_uri(results[0].image))
        shown["measures"] = maps_data(grid, list(tiles.values()))
    finished, seeds = sum(tile.complete for tile in tiles.values()), grid.request.seeds
    complete = finished == len(cells)
    how = "Finished" if complete else f"Stopped after {finished} of {len(cells)} cells"
    if finished < len(tiles):
        how += ", the estimate of the next one kept,"
    line = f"{how} in {time.perf_counter() - begun:.1f} s. {many(steps, 'step')} were run"
    line += f", {saved} saved." if saved else "."
    if len(seeds) > 1:
        line += f" The pictures show seed {seeds[0]}; the figures are means over {len(seeds)} seeds."
    about = {"face": prepared.jobs[0].index, "detector": prepared.request.detector}
    about |= {"complete": complete, "steps_run": steps, "steps_saved": saved}
    folder = session.results_folder("explore")
    files = write_files(folder, Path(str(photo)).stem, grid, list(tiles.values()), about)
    cells[:] = [cell_data(grid, cell, tiles.get(place), state="not run") for place, cell in enumerate(grid.cells)]
    yield ViewOutcome(
        value("done" if complete else "stopped", " ".join(filter(None, (line, face_of(prepared), *said)))), files
    )
