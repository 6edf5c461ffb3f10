"""A grid over two settings: what its axes may be, which runs it needs, and which of their steps they share.

FCM does not know tau, omega nor the edge exponent. Runs that differ in nothing else are the same, bit for bit, as long as
both are in FCM, so the one goes on where the other's FCM ended: down a line of tau values each run starts from the last
FCM step of the one before. No torch here: the page says what a grid costs before anything heavy is loaded.
"""

import re
from dataclasses import dataclass, replace

from dpi_core.errors import DPIError
from dpi_core.method.config import SETTINGS, DPIConfig, check_float, check_int, kind_of
from dpi_core.web.live import stages_of

MAX_CELLS = 36
RACM_ONLY = ("tau", "omega", "edge_exponent")
"""Settings that FCM does not know; tau says where it ends."""
AXES = tuple(name for name, setting in SETTINGS.items() if setting.explored)
"""The settings that can be explored."""


def label_of(field: str, value: float) -> str:
    """Name a setting with one of its values: tau 50."""
    return f"{SETTINGS[field].symbol} {value:g}"


def first_values(field: str) -> str:
    """Write the values a visitor may start with as text."""
    return ", ".join(f"{value:g}" for value in SETTINGS[field].explored)


@dataclass(frozen=True)
class Cell:
    """One run of a grid: its place, its settings, and how many first steps it shares with the run before it."""

    row: int
    column: int
    config: DPIConfig
    start: int = 0


@dataclass(frozen=True)
class Grid:
    """All runs of a grid, in the order that shares most steps.

    Attributes:
        x, y: the settings along the columns and down the rows.
        columns, rows: their values.
        cells: the runs, in order.
    """

    x: str
    y: str
    columns: tuple[float, ...]
    rows: tuple[float, ...]
    cells: tuple[Cell, ...]

    @property
    def saved(self) -> int:
        """Steps that need not be run, because the run before has done them."""
        return sum(cell.start for cell in self.cells)

    @property
    def steps(self) -> int:
        """Steps that are run."""
        return sum(cell.config.steps for cell in self.cells) - self.saved

    def label(self, cell: Cell) -> str:
        """A cell in words, short enough for a contact sheet."""
        return f"{label_of(self.x, self.columns[cell.column])}, {label_of(self.y, self.rows[cell.row])}"


def parse_values(field: str, text: str) -> tuple[float, ...]:
    """The values of a setting from "0, 50, 150", in the order given.

    Raises:
        ValueError: if there is none, or one is no number, not allowed or given twice.
    """
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


def plan_grid(x: str, columns: str, y: str, rows: str, values: dict) -> Grid:
    """The grid of `columns`, values of the setting `x`, by `rows`, values of `y`; `values` are all the other settings.

    Raises:
        ValueError: on settings or values that are not allowed, two axes of the same setting, or more than 36 cells.
    """
    for name in (x, y):
        if name not in AXES:
            raise DPIError(f"the setting is {name!r}; allowed is one of {', '.join(AXES)}.")
    if x == y:
        raise DPIError(f"both settings are {SETTINGS[x].symbol}; choose two different ones.")
    across, down = parse_values(x, columns), parse_values(y, rows)
    if len(across) * len(down) > MAX_CELLS:
        raise DPIError(
            f"{len(across)} by {len(down)} values make {len(across) * len(down)} cells; at most {MAX_CELLS} are allowed."
        )
    base = DPIConfig.from_dict(values)
    cells = [
        Cell(i, j, base.replaced({x: value, y: other}))
        for i, other in enumerate(down)
        for j, value in enumerate(across)
    ]
    return Grid(x, y, across, down, _in_order(cells))


def shared_steps(a: DPIConfig, b: DPIConfig) -> int:
    """How many first steps of two runs from the same noise are the same, short of the last, which only ends a run."""
    if replace(a, **{name: getattr(b, name) for name in RACM_ONLY}) != b:
        return 0
    late_alike = (a.omega, a.edge_exponent) == (b.omega, b.edge_exponent)
    count = 0
    for (_, stage), (_, other) in zip(stages_of(a)[:-1], stages_of(b)[:-1], strict=True):
        if stage != other or (stage == "RACM" and not late_alike):
            break
        count += 1
    return count


def _in_order(cells: list[Cell]) -> tuple[Cell, ...]:
    """Runs that share FCM one after another, the one that leaves it first first; each knows where it can start.

    So no run needs more than the run before it: its FCM is the longest so far, and what it began with, the one before had.
    """
    groups: dict[DPIConfig, list[Cell]] = {}
    for cell in cells:
        alike = replace(cell.config, **{name: getattr(cells[0].config, name) for name in RACM_ONLY})
        groups.setdefault(alike, []).append(cell)
    ordered: list[Cell] = []
    for group in groups.values():
        before = None
        for cell in sorted(group, key=lambda cell: _leaves_fcm(cell.config)):
            ordered.append(replace(cell, start=shared_steps(before.config, cell.config) if before else 0))
            before = cell
    return tuple(ordered)


def _leaves_fcm(config: DPIConfig) -> tuple[int, float, float]:
    stages = [stage for _, stage in stages_of(config)]
    return stages.count("FCM"), config.omega, config.edge_exponent
