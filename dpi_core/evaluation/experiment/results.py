"""Results in SQLite: a row for every image, degradation, method and seed, with its figures and the file of the picture.

The pictures of a unit are written first and its rows then committed together: a run that is killed leaves whole units only.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dpi_core.evaluation.experiment.units import Row, Unit

TABLE = """CREATE TABLE IF NOT EXISTS results (
    image TEXT, degradation TEXT, method TEXT, seed INTEGER, number INTEGER, unit TEXT, figures TEXT, file TEXT,
    PRIMARY KEY (image, degradation, method, seed))"""


@dataclass(frozen=True)
class Result:
    """A row as it is kept."""

    image: str
    degradation: str
    method: str
    seed: int
    number: int
    figures: dict[str, float]
    file: Path


class Results:
    """The results in a folder: ``results.sqlite`` and ``results/DEGRADATION/METHOD/NUMBER-NAME-SEED.png``."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.database = sqlite3.connect(folder / "results.sqlite", timeout=60)
        with self.database:
            self.database.execute(TABLE)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def missing(self, units: Iterable[Unit]) -> list[Unit]:
        """List the units that are not there as a whole, rows and files."""
        there: dict[str, int] = {}
        for unit, file in self.database.execute("SELECT unit, file FROM results"):
            there[unit] = there.get(unit, 0) + (self.folder / file).is_file()
        return [unit for unit in units if there.get(unit.key, 0) != unit.rows]

    def add(self, unit: Unit, rows: Sequence[Row]) -> None:
        """Keep a unit's rows, in the place of older ones for the same images."""
        values = []
        for row in rows:
            file = Path("results", _safe(unit.degradation), _safe(unit.method), _picture_name(row))
            path = self.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(row.picture)
            places = (row.image, unit.degradation, unit.method, row.seed, row.number, unit.key)
            values.append((*places, json.dumps(row.figures), file.as_posix()))
        with self.database:
            self.database.executemany("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    def of(self, units: Iterable[Unit]) -> list[Result]:
        """List the results of these units, in an order of their own: by degradation, method, number and seed."""
        keys = {unit.key for unit in units}
        columns = "image, degradation, method, seed, number, figures, file, unit"
        rows = self.database.execute(f"SELECT {columns} FROM results ORDER BY degradation, method, number, seed")
        return [
            Result(image, degradation, method, seed, number, json.loads(values), self.folder / file)
            for image, degradation, method, seed, number, values, file, unit in rows
            if unit in keys
        ]


def _picture_name(row: Row) -> str:
    return f"{row.number:04}-{_safe(Path(row.image).stem)}-seed{row.seed}.png"


def _safe(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", name)[:80]
