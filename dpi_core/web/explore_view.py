"""A grid over two settings as HTML: one picture a cell to choose from, and each figure as a table in colours.

Cells are radio buttons, so the arrow keys walk through them; `explore.js` shows the chosen one large and marks the best.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING

from PIL import Image

from dpi_core.method.config import SETTINGS
from dpi_core.web.axes import Cell, Grid, label_of
from dpi_core.web.live import data_uri

if TYPE_CHECKING:
    from dpi_core.restore.records import FaceJob

SCALE = ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725")
"""Viridis: even steps of its colours look even, in grey and to colour-blind eyes too."""


@dataclass(frozen=True)
class Measure:
    """A figure of a cell: its key, its name, its unit, how many decimals are shown, and what "best" is called."""

    key: str
    name: str
    unit: str
    decimals: int
    best: str

    def text(self, value: float) -> str:
        """Write the value with its unit."""
        return f"{value:.{self.decimals}f} {self.unit}".strip()


MEASURES = (
    Measure("lr_consistency", "LR-consistency", "dB", 1, "best LR"),
    Measure("psnr", "PSNR", "dB", 2, "best PSNR"),
    Measure("ssim", "SSIM", "", 3, "best SSIM"),
    Measure("diversity", "Diversity", "levels", 1, "most diverse"),
)


@dataclass(frozen=True)
class Tile:
    """A cell that has been run: the picture of its first seed, and its figures by the keys of `MEASURES`."""

    cell: Cell
    picture: Image.Image
    figures: dict[str, float]

    @property
    def place(self) -> tuple[int, int]:
        """Row and column."""
        return self.cell.row, self.cell.column


def references_of(job: "FaceJob", end: str = "") -> list[tuple[str, Image.Image]]:
    """List what results are shown beside: a face's input and, in a simulation, the truth; `end` goes behind their names."""
    from dpi_core.imaging.pixels import to_image

    named = (("the input", job.condition), ("the truth", job.truth))
    return [(name + end, to_image(tensor[0])) for name, tensor in named if tensor is not None]


def render_progress(done: int, total: int, text: str, label: str) -> str:
    """Render how far several runs are together: a bar, which `label` names, over a line."""
    return (
        f'<div class="dpi-progress"><progress max="{total}" value="{done}" aria-label="{label}"></progress>'
        f'<p class="dpi-line">{escape(text)}</p></div>'
    )


def measures_of(tiles: Sequence[Tile]) -> list[Measure]:
    """List the measures these cells have."""
    return [measure for measure in MEASURES if tiles and measure.key in tiles[0].figures]


def best_places(tiles: Sequence[Tile], key: str) -> list[tuple[int, int]]:
    """Find row and column of the cells with the highest value of a measure; several if they are equal."""
    top = max((tile.figures[key] for tile in tiles), default=0.0)
    return [tile.place for tile in tiles if tile.figures[key] == top]


def default_measure(tiles: Sequence[Tile]) -> str:
    """Choose what the best cell is marked by at first: the truth where it is known."""
    return "psnr" if tiles and "psnr" in tiles[0].figures else "lr_consistency"


def render_grid(
    grid: Grid, tiles: Sequence[Tile], references: Sequence[tuple[str, Image.Image]] = (), finished: bool = False
) -> str:
    """Render the pictures in rows and columns.

    Args:
        tiles: the cells run so far, in any order.
        references: name and picture of what the chosen cell is shown beside: the input and the truth.
        finished: nothing more will come: the pictures are lossless, and the measure can be chosen.
    """
    at = {tile.place: tile for tile in tiles}
    best = {m.key: best_places(tiles, m.key) for m in measures_of(tiles)}
    head = "".join(f'<th scope="col">{escape(label_of(grid.x, value))}</th>' for value in grid.columns)
    rows = []
    for i, value in enumerate(grid.rows):
        cells = "".join(
            f"<td>{_cell(grid, at.get((i, j)), [k for k, places in best.items() if (i, j) in places], finished)}</td>"
            for j in range(len(grid.columns))
        )
        rows.append(f'<tr><th scope="row">{escape(label_of(grid.y, value))}</th>{cells}</tr>')
    return (
        f'<section class="dpi-explore" data-measure="{default_measure(tiles)}" aria-label="Grid of settings">'
        f"{_choice(tiles) if finished else ''}"
        f'<div class="dpi-scroll" tabindex="0" role="group" aria-label="Cells: {escape(SETTINGS[grid.x].symbol)} across, '
        f'{escape(SETTINGS[grid.y].symbol)} down"><table class="dpi-grid"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{_detail(references) if tiles else ''}</section>"
    )


def _cell(grid: Grid, tile: Tile | None, best: Sequence[str], finished: bool) -> str:
    if tile is None:
        return f'<div class="dpi-cell dpi-empty">{"not run" if finished else "waiting"}</div>'
    name = grid.label(tile.cell)
    measures = measures_of([tile])
    lines = "".join(
        f"<span>{escape({'lr_consistency': 'LR', 'diversity': 'Std'}.get(m.key, m.name))} "
        f"{escape(m.text(tile.figures[m.key]))}</span>"
        for m in measures
    )
    marks = "".join(f'<b class="dpi-best" data-best="{m.key}">{m.best}</b>' for m in measures if m.key in best)
    spoken = ", ".join(f"{m.name} {m.text(tile.figures[m.key])}" for m in measures)
    value = escape(json.dumps(asdict(tile.cell.config)), quote=True)
    return (
        f'<label class="dpi-cell" data-best="{" ".join(best)}"><input type="radio" name="dpi-explore-cell" '
        f'value="{value}" data-name="{escape(name)}" aria-label="{escape(f"{name}: {spoken}")}">'
        f'<img src="{data_uri(tile.picture, lossless=finished)}" alt="result with {escape(name)}">{marks}'
        f'<span class="dpi-cell-figures">{lines}</span></label>'
    )


def _choice(tiles: Sequence[Tile]) -> str:
    if len(measures_of(tiles)) < 2:
        return ""
    options = "".join(
        f'<option value="{m.key}"{" selected" if m.key == default_measure(tiles) else ""}>{m.name}</option>'
        for m in measures_of(tiles)
    )
    return f'<label class="dpi-measure">Mark the best by <select data-role="measure">{options}</select></label>'


def _detail(references: Sequence[tuple[str, Image.Image]]) -> str:
    others = "".join(
        f'<figure><img src="{data_uri(picture)}" alt="{escape(name)}"><figcaption>{escape(name)}</figcaption></figure>'
        for name, picture in references
    )
    return (
        '<p class="dpi-plan" data-role="hint">Choose a cell to see it large and to take its settings.</p>'
        '<div class="dpi-detail" data-role="detail" hidden><figure><img data-role="large" alt="the chosen cell">'
        f'<figcaption data-role="chosen" role="status"></figcaption></figure>{others}</div>'
    )


def render_maps(grid: Grid, tiles: Sequence[Tile]) -> str:
    """Render one coloured table for each measure, the numbers in it."""
    if not tiles:
        return ""
    return f'<div class="dpi-maps">{"".join(_map(grid, tiles, measure) for measure in measures_of(tiles))}</div>'


def _map(grid: Grid, tiles: Sequence[Tile], measure: Measure) -> str:
    values = {tile.place: tile.figures[measure.key] for tile in tiles}
    low, high = min(values.values()), max(values.values())
    head = "".join(f'<th scope="col">{value:g}</th>' for value in grid.columns)
    rows = []
    for i, row in enumerate(grid.rows):
        cells = []
        for j in range(len(grid.columns)):
            if (i, j) not in values:
                cells.append('<td aria-label="not run">–</td>')
                continue
            value = values[i, j]
            share = (value - low) / (high - low) if high > low else 0.5
            background, ink = colour(share)
            mark = ' class="dpi-top"' if value == high and high > low else ""
            text = f"{value:.{measure.decimals}f}"
            cells.append(f'<td{mark} style="background:{background};color:{ink}">{text}</td>')
        rows.append(f'<tr><th scope="row">{row:g}</th>{"".join(cells)}</tr>')
    caption = f"{measure.name}: {measure.text(low)} to {measure.text(high)}" if high > low else measure.name
    return (
        f'<div class="dpi-scroll" tabindex="0" role="group" aria-label="{escape(measure.name)} of every cell">'
        f'<table class="dpi-map"><caption>{escape(caption)}</caption><thead><tr>'
        f"<th>{escape(SETTINGS[grid.y].symbol)} \\ {escape(SETTINGS[grid.x].symbol)}</th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def colour(share: float) -> tuple[str, str]:
    """Choose background and ink for a share from 0 (dark blue) to 1 (yellow): black or white, whichever is easier to read."""
    at = min(1.0, max(0.0, share)) * (len(SCALE) - 1)
    index = min(int(at), len(SCALE) - 2)
    low, high = (bytes.fromhex(stop) for stop in SCALE[index : index + 2])
    mixed = [round(a + (b - a) * (at - index)) for a, b in zip(low, high, strict=True)]
    light = luminance(mixed)
    ink = "#fff" if 1.05 / (light + 0.05) > (light + 0.05) / 0.05 else "#000"
    return "#" + bytes(mixed).hex(), ink


def luminance(rgb: Sequence[int]) -> float:
    """Compute the relative luminance (WCAG 2) of 8-bit sRGB."""
    linear = [c / 3294.6 if c <= 10.31475 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
