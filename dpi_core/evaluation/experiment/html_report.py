"""The report of a run: one HTML file that needs no other, with tables, plots and sheets of pictures."""

import base64
from collections.abc import Iterable, Mapping, Sequence
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
from dpi_core.evaluation.intervals import Interval
from dpi_core.imaging.known_degradations import DEGRADATIONS
from dpi_core.imaging.pixels import to_image
from dpi_core.measure.measured_case import Metric
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
    return "\n".join(
        [
            f'<section id="{escape(table.degradation)}"><h2>{escape(table.degradation)}</h2>',
            f"<p>{table.faces} faces: {escape(about)}.</p>",
            _table(table.rows, table.metrics, table.calls, signed=False),
            f"<div class='plots'>{plots}</div>{PLOTS_NOTE}" if plots else "",
            _less(table),
            *(_groups(found, METRICS[name]) for name, found in table.groups.items()),
            *(_groups(found, METRICS[name], table.against) for name, found in table.less_groups.items()),
            _sheet(table, report),
            "</section>",
        ]
    )


def _less(table: Table) -> str:
    names = [name for name in METRICS if any(name in row for row in table.less.values())]
    if not names:
        return ""
    shown = _table(table.less, names, table.calls, signed=True)
    return (
        f"<details><summary>Less {escape(table.against)}, face by face</summary>{shown}"
        "<p class='note'>An interval that leaves out 0 is a difference; it is in bold.</p></details>"
    )


def _groups(found: Mapping[str, Mapping[str, Interval]], metric: Metric, against: str = "") -> str:
    names = list(dict.fromkeys(name for row in found.values() for name in row))
    lines = [f"<tr><th>method</th>{''.join(f'<th>{escape(name)}</th>' for name in names)}</tr>"]
    for method, row in found.items():
        cells = (_cell(row.get(name), metric.form, bool(against), bold=False) for name in names)
        lines.append(f"<tr><th>{escape(method)}</th>{''.join(cells)}</tr>")
    table = f"<div class='wide'><table class='figures'>{''.join(lines)}</table></div>"
    less = f", less {against}, face by face" if against else ""
    return f"<details><summary>{escape(metric.title + less)}, by groups of faces</summary>{table}</details>"


def _table(
    rows: Mapping[str, Mapping[str, Interval]], metrics: Sequence[str], calls: Mapping[str, int], signed: bool
) -> str:
    best = {} if signed else {name: _best(rows, name) for name in metrics}
    head = "".join(f"<th>{escape(METRICS[name].title)}</th>" for name in metrics)
    lines = [f"<tr><th>method</th><th>calls</th>{head}</tr>"]
    for method, row in rows.items():
        cells = []
        for name in metrics:
            figure = row.get(name)
            sure = figure is not None and signed and not figure[1] <= 0 <= figure[2]
            cells.append(_cell(figure, METRICS[name].form, signed, sure or method in best.get(name, ())))
        lines.append(f"<tr><th>{escape(method)}</th><td>{calls.get(method) or '-'}</td>{''.join(cells)}</tr>")
    return f"<div class='wide'><table class='figures'>{''.join(lines)}</table></div>"


def _cell(figure: Interval | None, form: str, signed: bool, bold: bool) -> str:
    if figure is None:
        return "<td>-</td>"
    form = "+" + form.removeprefix("+") if signed else form
    middle, low, high = (format(value, form) for value in figure)
    return f"<td{' class=' + chr(34) + 'best' + chr(34) if bold else ''}>{middle}<small>{low} .. {high}</small></td>"


def _best(rows: Mapping[str, Mapping[str, Interval]], name: str) -> set[str]:
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
