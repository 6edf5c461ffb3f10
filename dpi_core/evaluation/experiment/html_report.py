"""The report of a run: one HTML file that needs no other, with tables, plots and sheets of pictures."""

import base64
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path

from PIL import Image
from torch import Tensor

from dpi_core.evaluation.experiment.plan import Plan
from dpi_core.evaluation.experiment.run_tables import TRUTH, Table
from dpi_core.evaluation.experiment.scatter import scatter
from dpi_core.evaluation.held_out import Faces
from dpi_core.evaluation.report import Cells, Rows, by_group, by_method, less
from dpi_core.imaging.known_degradations import DEGRADATIONS
from dpi_core.imaging.pixels import to_image
from dpi_core.measure.metric_registry import CANNOT_BE_HAD, METRICS

SHOWN = 6  # faces on a sheet
QUALITY = 88  # of their JPEGs
PLOTS = (("psnr", "kid"), ("psnr", "lpips"), ("psnr", "distance"), ("psnr", "detail"))  # the first two that there are
PLOTS_NOTE = "<p class='note'>Perception against distortion: up and to the right is better; of detail, 1 is.</p>"
STYLE = Path(__file__).parent / "report.css"


@dataclass(frozen=True, eq=False)
class Report:
    """What a report tells: the plan as it was written, tables, the faces, each degradation's inputs, and what is missing."""

    plan: Plan
    written: str
    tables: Sequence[Table]
    faces: Faces
    inputs: Mapping[str, Tensor]
    facts: Sequence[str]
    missing: Mapping[str, str]


def html_report(report: Report) -> str:
    """Write the report as well-formed HTML."""
    plan = report.plan
    sections = [_section(table, report) for table in report.tables]
    links = "".join(f'<a href="#{escape(t.degradation)}">{escape(t.degradation)}</a>' for t in report.tables)
    body = [
        f"<header><h1>{escape(plan.title)}</h1>",
        f"<p>{escape(plan.about.strip())}</p>" if plan.about.strip() else "",
        "<ul>" + "".join(f"<li>{escape(fact)}</li>" for fact in report.facts) + "</ul>",
        f"<nav>{links}</nav></header>" if len(report.tables) > 1 else "</header>",
        *sections,
        _metrics(report),
        f"<section><h2>The plan</h2><pre>{escape(report.written)}</pre></section>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{escape(plan.title)}</title><style>{STYLE.read_text('utf-8')}</style></head><body>"
        + "\n".join(filter(None, body))
        + "</body></html>\n"
    )


def _section(table: Table, report: Report) -> str:
    damage = report.plan.degradations[table.degradation]
    known = DEGRADATIONS.get(table.degradation)
    about = known.about if known and known.degradation == damage else str(damage)
    wanted = [(across, up) for across, up in PLOTS if {across, up} <= set(table.metrics)][:2]
    plots = "".join(f"<figure>{plot}</figure>" for pair in wanted if (plot := scatter(table.rows, *pair)))
    best = {(method, METRICS[name].title) for name in table.metrics for method in _best(table.rows, name)}
    return "\n".join(
        [
            f'<section id="{escape(table.degradation)}"><h2>{escape(table.degradation)}</h2>',
            f"<p>{table.faces} faces: {escape(about)}.</p>",
            _figures(by_method("method", table.rows, table.metrics, table.calls), best),
            f"<div class='plots'>{plots}</div>{PLOTS_NOTE}" if plots else "",
            _less(table),
            *_groups(table),
            _sheet(table, report),
            "</section>",
        ]
    )


def _figures(cells: Cells, bold: Collection[tuple[str, str]] = ()) -> str:
    """Write a table; `bold`: row and column of what stands out."""
    (corner, *columns), rows = cells
    lines = [f"<tr><th>{corner}</th>{''.join(f'<th>{escape(column)}</th>' for column in columns)}</tr>"]
    for name, *found in rows:
        line = f"<tr><th>{escape(name)}</th>"
        for column, cell in zip(columns, found, strict=True):
            figure, _, interval = cell.removesuffix(")").partition(" (")
            best = ' class="best"' if (name, column) in bold else ""
            line += f"<td{best}>{figure}{f'<small>{interval}</small>' if interval else ''}</td>"
        lines.append(f"{line}</tr>")
    return f"<div class='wide'><table class='figures'>{''.join(lines)}</table></div>"


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _less(table: Table) -> str:
    figures = [(method, name, row[name]) for method, row in table.less.items() for name in row]
    if not figures:
        return ""
    sure = {(method, METRICS[name].title) for method, name, (_, low, high) in figures if not low <= 0 <= high}
    note = "<p class='note'>An interval that leaves out 0 is a difference; it is in bold.</p>"
    return _folded(f"Less {table.against}, face by face", _figures(less("method", table.less), sure) + note)


def _groups(table: Table) -> Iterator[str]:
    against = f", less {table.against}, face by face"
    for groups, sign, said in ((table.groups, "", ""), (table.less_groups, "+", against)):
        for name, found in groups.items():
            title = f"{METRICS[name].title}{said}, by groups of faces"
            yield _folded(title, _figures(by_group("method", found, name, sign)))


def _best(rows: Rows, name: str) -> set[str]:
    """Tell which methods, the truth left out, have the best figure as it is printed."""
    metric = METRICS[name]
    found = {method: row[name][0] for method, row in rows.items() if method != TRUTH and name in row}
    if metric.better == "target":
        own = rows.get(TRUTH, {}).get(name, (0.0 if "(0)" in metric.title else 1.0,))[0]
        found = {method: -abs(value - own) for method, value in found.items()}
    elif metric.better == "low":
        found = {method: -value for method, value in found.items()}
    printed = {method: format(value, metric.form) for method, value in found.items()}
    top = max(found, key=lambda method: found[method], default=None)
    return {method for method in found if top is not None and printed[method] == printed[top]}


def _sheet(table: Table, report: Report) -> str:
    count = min(SHOWN, table.faces)
    columns: list[tuple[str, list[Image.Image]]] = []
    known = TRUTH in table.rows
    if known:
        columns.append(("truth", [to_image(face) for face in report.faces.pixels[:count]]))
    columns.append(("input", [to_image(face) for face in report.inputs[table.degradation][:count]]))
    columns += [(name, [Image.open(f).convert("RGB") for f in files[:count]]) for name, files in table.files.items()]
    head = "".join(f"<th>{escape(name)}</th>" for name, _ in columns)
    lines = [
        "<tr>" + "".join(_picture(pictures[i], name) for name, pictures in columns) + "</tr>" for i in range(count)
    ]
    return f"<div class='wide'><table class='sheet'><tr>{head}</tr>{''.join(lines)}</table></div>"


def _picture(picture: Image.Image, name: str) -> str:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    data = base64.b64encode(buffer.getvalue()).decode()
    small = ' class="input"' if name == "input" else ""
    return f'<td><img{small} src="data:image/jpeg;base64,{data}" alt="{escape(name)}"/></td>'


def _metrics(report: Report) -> str:
    measured = {name for table in report.tables for name in table.metrics}
    lines = [
        f"<tr><th>{escape(METRICS[name].title)}</th><td>{escape(METRICS[name].source)}</td></tr>"
        for name in METRICS
        if name in measured
    ]
    parts = [f"<section><h2>Metrics</h2><table class='plain'>{''.join(lines)}</table>"]
    if report.missing or CANNOT_BE_HAD:
        told: Iterable[tuple[str, str]] = [*report.missing.items(), *CANNOT_BE_HAD.items()]
        listed = "".join(f"<li><b>{escape(name)}</b>: {escape(why)}</li>" for name, why in told)
        parts.append(f"<h3>Cannot be had here</h3><ul>{listed}</ul>")
    return "".join([*parts, "</section>"])
