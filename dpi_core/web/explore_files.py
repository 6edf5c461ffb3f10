"""What a grid leaves to download: a contact sheet, and all settings and figures as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from dpi_core import __version__
from dpi_core.web.axes import Grid
from dpi_core.web.explore_data import Tile, best_places, measures_of


def write_files(folder: Path, stem: str, grid: Grid, tiles: Sequence[Tile], about: dict) -> list[str]:
    """Write the sheet, its figures inside it as well, and the JSON; returns their paths. `about`: what was run of it."""
    from dpi_core.imaging.pictures import save_png

    figures = figures_of(grid, tiles, about)
    name = f"{stem}-{grid.x}-{grid.y}"
    sheet, table = folder / f"{name}.png", folder / f"{name}.json"
    save_png(contact_sheet(grid, tiles), sheet, figures)
    table.write_text(json.dumps(figures, indent=1) + "\n")
    return [str(sheet), str(table)]


def figures_of(grid: Grid, tiles: Sequence[Tile], about: dict) -> dict:
    """List the request, axes, the cells that were run, row by row, and the best of them by each measure."""
    at = {tile.place: tile for tile in tiles}
    axes = {
        name: {"setting": axis, "values": list(values)}
        for name, axis, values in (("x", grid.x, grid.columns), ("y", grid.y, grid.rows))
    }
    return {
        "version": __version__,
        **grid.request.to_dict(),
        **about,
        **axes,
        "cells": [_figures(grid, at[place]) for place in sorted(at)],
        "best": {
            measure.key: [grid.label(at[place].cell) for place in best_places(tiles, measure)]
            for measure in measures_of(tiles)
        },
    }


def _figures(grid: Grid, tile: Tile) -> dict:
    cell = tile.cell
    return {
        "name": grid.label(cell),
        "row": cell.row,
        "column": cell.column,
        "config": asdict(cell.config),
        "steps_done": tile.steps,
        **tile.figures,
    }


def contact_sheet(grid: Grid, tiles: Sequence[Tile]) -> Image.Image:
    """Draw every cell in its place over its values; a grey one where none was run."""
    from dpi_core.show.figures import labelled_sheet

    at = {tile.place: tile for tile in tiles}
    blank = Image.new("RGB", tiles[0].picture.size, (200, 200, 200))
    pictures, labels = [], []
    for cell in grid.cells:
        tile = at.get((cell.row, cell.column))
        pictures.append(tile.picture if tile else blank)
        stopped = "" if tile is None or tile.complete else f", step {tile.steps}"
        labels.append(f"{grid.label(cell)}{stopped}" if tile else "not run")
    return labelled_sheet(pictures, labels, len(grid.columns))
