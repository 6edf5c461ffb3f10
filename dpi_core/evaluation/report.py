"""What was measured, as the cells of tables; what was not is a dash."""

from collections.abc import Iterable, Mapping, Sequence

from dpi_core.evaluation.intervals import Interval
from dpi_core.measure.metric_registry import METRICS

Rows = Mapping[str, Mapping[str, Interval]]  # method or group -> metric -> its figure
Cells = tuple[list[str], list[list[str]]]  # of the head, and of each row


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table of cells as Markdown."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def by_metric(title: str, found: Rows, metrics: Sequence[str] = tuple(METRICS)) -> Cells:
    """Lay out `metrics`, one a row, over the columns of `found`; a row of dashes is left out."""
    rows = [[METRICS[name].title, *(_cell(column, name) for column in found.values())] for name in metrics]
    return [title, *found], [row for row in rows if set(row[1:]) != {"-"}]


def by_method(title: str, found: Rows, metrics: Sequence[str], calls: Mapping[str, int]) -> Cells:
    """Lay out `found`, a method a row with its calls of the prior, over columns of `metrics`."""
    rows = [
        [method, str(calls.get(method) or "-"), *(_cell(row, name) for name in metrics)]
        for method, row in found.items()
    ]
    return [title, "calls", *(METRICS[name].title for name in metrics)], rows


def less(title: str, found: Rows) -> Cells:
    """Lay out differences, a method a row; an interval that leaves out 0 is a difference."""
    names = [name for name in METRICS if any(name in row for row in found.values())]
    rows = [[method, *(_cell(row, name, "+") for name in names)] for method, row in found.items()]
    return [title, *(METRICS[name].title for name in names)], rows


def by_group(title: str, found: Rows, metric: str, sign: str = "") -> Cells:
    """Lay out one metric, a method a row, over the groups of faces, which `found` holds for each method.

    `sign`: "+" for differences.
    """
    names = list(dict.fromkeys(name for row in found.values() for name in row))
    form = METRICS[metric].form
    return [title, *names], [
        [method, *(_cell(row, name, sign, form) for name in names)] for method, row in found.items()
    ]


def means(found: Mapping[str, Interval], metrics: Sequence[str]) -> list[str]:
    """Write the figures of one row without their intervals."""
    return [format(found[name][0], METRICS[name].form) if name in found else "-" for name in metrics]


def _cell(row: Mapping[str, Interval], name: str, sign: str = "", form: str = "") -> str:
    if name not in row:
        return "-"
    form = sign + (form or METRICS[name].form).removeprefix(sign)
    return "{:{f}} ({:{f}} .. {:{f}})".format(*row[name], f=form)
