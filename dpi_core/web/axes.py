"""A grid over two settings: what its axes may be, and which runs it needs. No torch here: the page says what a grid costs."""

import re
from dataclasses import dataclass, replace

from dpi_core.errors import DPIError
from dpi_core.method.config import SETTINGS, DPIConfig, check_float, check_int, kind_of
from dpi_core.restore.request import Request
from dpi_core.restore.variants import Plan, Variant, plan_variants

MAX_CELLS = 36
AXES = tuple(name for name, setting in SETTINGS.items() if setting.explored)
"""The settings that can be explored."""


def label_of(field: str, value: float) -> str:
    """Name a setting with one of its values: tau 50."""
    return f"{SETTINGS[field].symbol} {value:g}"


def first_values(field: str, own: float | None = None) -> str:
    """Write the values a visitor may start with as text; the page's `own` takes the place of the nearest."""
    values = list(SETTINGS[field].explored)
    if own is not None:
        values[min(range(len(values)), key=lambda i: abs(values[i] - own))] = own
    return ", ".join(f"{value:g}" for value in values)


@dataclass(frozen=True)
class Cell:
    """One run of a grid: its place and its settings."""

    row: int
    column: int
    config: DPIConfig


@dataclass(frozen=True)
class Grid:
    """All runs of a grid.

    Attributes:
        request: what all have in common.
        x, y: the settings along the columns and down the rows.
        columns, rows: their values.
        cells: the runs, row by row.
        plan: the order in which they share most steps.
    """

    request: Request
    x: str
    y: str
    columns: tuple[float, ...]
    rows: tuple[float, ...]
    cells: tuple[Cell, ...]
    plan: Plan

    def label(self, cell: Cell) -> str:
        """Say a cell in words, short enough for a contact sheet."""
        return f"{label_of(self.x, self.columns[cell.column])}, {label_of(self.y, self.rows[cell.row])}"


def parse_values(field: str, text: str) -> tuple[float, ...]:
    """Read different values of a setting from "0, 50, 150", in the order given; DPIError on none or one not allowed."""
    setting, such_as = SETTINGS[field], first_values(field)
    low, high = setting.slider
    whole = kind_of(field) is int
    values: list[float] = []
    for part in filter(None, re.split(r"[,;\s]+", text.strip())):
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", part):
            raise DPIError(
                f"{setting.symbol} holds {part!r}; allowed are numbers with commas between, such as {such_as}."
            )
        value = float(part)
        if whole:
            check_int(setting.symbol, int(value) if value.is_integer() else value, int(low), int(high))
            value = int(value)
        else:
            check_float(setting.symbol, value, low, high)
        if value in values:
            raise DPIError(f"{setting.symbol} holds {part} twice; each value is allowed once.")
        values.append(value)
    if not values:
        raise DPIError(f"{setting.symbol} has no values; give at least one, such as {such_as}.")
    return tuple(values)


def plan_grid(request: Request, x: str, columns: str, y: str, rows: str) -> Grid:
    """Plan the grid of `columns`, values of the setting `x`, by `rows`, values of `y`; all else is the request's.

    Raises:
        DPIError: on values that are not allowed, two axes of the same setting or of one the method does not heed, or more
            than 36 cells.
    """
    heeded = Variant.of(request).heeded
    for name in (x, y):
        if name not in AXES:
            raise DPIError(f"the setting is {name!r}; allowed is one of {', '.join(AXES)}.")
        if name not in heeded:
            allowed = ", ".join(SETTINGS[field].symbol for field in AXES if field in heeded)
            raise DPIError(f"the setting is {SETTINGS[name].symbol}, but {request.method} heeds only {allowed}.")
    if x == y:
        raise DPIError(f"both settings are {SETTINGS[x].symbol}; choose two different ones.")
    across, down = parse_values(x, columns), parse_values(y, rows)
    if len(across) * len(down) > MAX_CELLS:
        raise DPIError(
            f"{len(across)} by {len(down)} values make {len(across) * len(down)} cells; at most {MAX_CELLS} are allowed."
        )
    cells = tuple(
        Cell(i, j, request.config.replaced({x: value, y: other}))
        for i, other in enumerate(down)
        for j, value in enumerate(across)
    )
    plan = plan_variants([Variant.of(replace(request, config=cell.config)) for cell in cells])
    return Grid(request, x, y, across, down, cells, plan)
