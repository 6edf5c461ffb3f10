"""What was measured, as Markdown tables: a measure a row, a method a column."""

from collections.abc import Mapping, Sequence

from dpi_core.evaluation.intervals import Interval
from dpi_core.evaluation.judged_figures import MEASURES

Rows = Mapping[str, Mapping[str, Interval]]  # method or group -> measure -> its figure


def table(title: str, found: Rows, measures: Sequence[str] = tuple(MEASURES)) -> str:
    """Write a table of `measures` over the columns of `found`; what was not measured is a dash, a row of dashes is left out."""
    lines = [f"| {title} | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    for name in measures:
        cells = [_cell(column.get(name), MEASURES[name].form) for column in found.values()]
        if set(cells) != {"-"}:
            lines.append(f"| {MEASURES[name].title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(figure: Interval | None, form: str) -> str:
    return "-" if figure is None else "{:{f}} ({:{f}} .. {:{f}})".format(*figure, f=form)
