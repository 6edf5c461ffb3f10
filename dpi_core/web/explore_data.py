"""What the explore view is given: a grid over two settings as plain data, its pictures as data URIs. No HTML."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image

from dpi_core.method.config import SETTINGS
from dpi_core.web.axes import Cell, Grid, label_of
from dpi_core.web.live import EXACT, data_uri


@dataclass(frozen=True)
class Measure:
    """A figure of a result: its key, its name, its unit, how many decimals are shown, and what "best" is called.

    From `exact` on, values are told and compared as exact.
    """

    key: str
    name: str
    unit: str
    decimals: int
    best: str
    exact: float = math.inf

    def of(self, figures: Mapping[str, float]) -> float:
        """Return its value as it is compared."""
        return min(figures[self.key], self.exact)

    def number(self, value: float) -> str:
        """Write the value without its unit."""
        return "exact" if value >= self.exact else f"{value:.{self.decimals}f}"

    def text(self, value: float) -> str:
        """Write the value with its unit."""
        return self.number(value) if value >= self.exact else f"{self.number(value)} {self.unit}".strip()


MEASURES = (
    Measure("psnr", "PSNR", "dB", 2, "best PSNR"),
    Measure("ssim", "SSIM", "", 3, "best SSIM"),
    Measure("lr_consistency", "LR-consistency", "dB", 1, "best LR", EXACT),
    Measure("diversity", "Diversity", "levels", 1, "most diverse"),
)
"""All are better when higher. The first that was measured marks the best at first: the truth where it is known."""


@dataclass(frozen=True)
class Tile:
    """A cell that was run, to its end or until it was stopped after `steps`.

    `picture` is that of its first seed, with as many pixels as were drawn, `figures` go by the keys of `MEASURES`.
    """

    cell: Cell
    picture: Image.Image
    figures: dict[str, float]
    steps: int
    complete: bool = True

    @property
    def place(self) -> tuple[int, int]:
        """Row and column."""
        return self.cell.row, self.cell.column


def measures_of(tiles: Sequence[Tile]) -> list[Measure]:
    """List the measures these cells have."""
    return [measure for measure in MEASURES if tiles and measure.key in tiles[0].figures]


def best_places(tiles: Sequence[Tile], measure: Measure) -> list[tuple[int, int]]:
    """Find row and column of the finished cells with the highest value of a measure; several if they are equal."""
    tiles = [tile for tile in tiles if tile.complete]
    top = max((measure.of(tile.figures) for tile in tiles), default=0.0)
    return [tile.place for tile in tiles if measure.of(tile.figures) == top]


def axes_data(grid: Grid) -> dict[str, Any]:
    """Turn the axes into data: the name of each setting, and its values."""
    axes = {"x": (grid.x, grid.columns), "y": (grid.y, grid.rows)}
    return {
        axis: {"name": SETTINGS[field].symbol, "values": [label_of(field, value) for value in values]}
        for axis, (field, values) in axes.items()
    }


def cell_data(grid: Grid, cell: Cell, tile: Tile | None = None, *, state: str = "waiting", picture: str = "") -> dict:
    """Turn a cell into data: its name, its settings, how far it is, and what there is to see of it.

    Args:
        tile: what it ended in; it is shown lossless unless there is a `picture` of it.
        state: where it is, if there is no tile.
        picture: as a data URI.
    """
    data: dict[str, Any] = {"name": grid.label(cell), "config": asdict(cell.config)}
    if tile is None:
        return {**data, "state": state, "picture": picture, "text": state}
    text = ", ".join(f"{m.name} {m.text(tile.figures[m.key])}" for m in measures_of([tile]))
    if not tile.complete:
        text = f"stopped after step {tile.steps} of {cell.config.steps}, {text}"
    state = "done" if tile.complete else "stopped"
    return {**data, "state": state, "picture": picture or data_uri(tile.picture, lossless=True), "text": text}


def maps_data(grid: Grid, tiles: Sequence[Tile]) -> list[dict[str, Any]]:
    """Turn the finished cells into a map of each measure that they have, first those in which the cells differ."""
    done = [tile for tile in tiles if tile.complete]
    measures = sorted(measures_of(done), key=lambda measure: len({measure.of(tile.figures) for tile in done}) == 1)
    return [map_data(grid, done, measure) for measure in measures]


def map_data(grid: Grid, tiles: Sequence[Tile], measure: Measure) -> dict[str, Any]:
    """Turn a measure of the finished cells into a map: number, colour and ink of each cell, None where there is none."""
    values = {tile.place: measure.of(tile.figures) for tile in tiles}
    low, high = min(values.values()), max(values.values())
    best = best_places(tiles, measure) if high > low else []
    places: list[dict[str, Any] | None] = []
    for cell in grid.cells:
        place = cell.row, cell.column
        if place not in values:
            places.append(None)
            continue
        background, ink = colour((values[place] - low) / (high - low) if high > low else 0.5)
        text = measure.number(values[place])
        places.append({"text": text, "background": background, "ink": ink, "best": place in best})
    span = f"{measure.text(low)} to {measure.text(high)}" if high > low else f"{measure.text(low)} in every cell"
    if low >= measure.exact and len(values) > 1:
        span += ", since all are held to the input; how freely each draws is told by diversity, of 2 seeds or more"
    names = {"key": measure.key, "name": measure.name, "unit": measure.unit, "best": measure.best}
    return {**names, "range": f"{measure.name}: {span}", "cells": places}


def colour(share: float) -> tuple[str, str]:
    """Choose background and ink for a share from 0 (dark blue) to 1 (yellow): black or white, whichever is easier to read.

    By viridis: even steps of its colours look even, in grey and to colour-blind eyes too.
    """
    import cv2
    import numpy as np

    level = np.array([[round(255 * min(1.0, max(0.0, share)))]], np.uint8)
    rgb = cv2.applyColorMap(level, cv2.COLORMAP_VIRIDIS)[0, 0, ::-1]
    light = luminance(rgb.tolist())
    ink = "#fff" if 1.05 / (light + 0.05) > (light + 0.05) / 0.05 else "#000"
    return f"#{rgb.tobytes().hex()}", ink


def luminance(rgb: Sequence[int]) -> float:
    """Compute the relative luminance (WCAG 2) of 8-bit sRGB."""
    linear = [c / 3294.6 if c <= 10.31475 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
