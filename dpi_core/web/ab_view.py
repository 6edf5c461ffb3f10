"""A and B as HTML: both estimates while they run; then one over the other with a wipe, their figures, and where they differ.

Wipe and flip are those of `web.wipe`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from PIL import Image

from dpi_core.web.explore_view import MEASURES, Measure, render_progress
from dpi_core.web.live import data_uri
from dpi_core.web.wipe import render_wipe


@dataclass(frozen=True)
class Side:
    """One of the two: its picture, its settings in words, the stage it is in, where it stands, and at the end its figures."""

    picture: Image.Image
    words: str
    stage: str
    where: str
    measured: dict[str, float] = field(default_factory=dict)


def render_running(sides: Sequence[Side], done: int, total: int, text: str) -> str:
    """Render the estimates side by side, while they run."""
    figures = "".join(
        f'<figure><img src="{data_uri(side.picture)}" alt="estimate of {name}, {escape(side.where)}"><figcaption>'
        f'<b>{name}</b> <span class="dpi-badge dpi-{side.stage}">{side.stage}</span> {escape(side.where)}<br>'
        f"{escape(side.words)}</figcaption></figure>"
        for name, side in zip("AB", sides, strict=False)
    )
    return f'{render_progress(done, total, text, "Steps of A and B")}<div class="dpi-ab-pair">{figures}</div>'


def render_ab(
    a: Side, b: Side, spread: Image.Image, top: float, references: Sequence[tuple[str, Image.Image]] = ()
) -> str:
    """Render the finished comparison.

    Args:
        a, b: the results.
        spread: a picture of where they differ, brightest at `top` levels.
        references: name and picture of the input and the truth.
    """
    others = "".join(
        f'<figure><img src="{data_uri(picture)}" alt="{escape(name)}"><figcaption>{escape(name)}</figcaption></figure>'
        for name, picture in references
    )
    first, second = ((name, f"result of {name}, {side.words}", side.picture) for name, side in (("A", a), ("B", b)))
    wipe = render_wipe(first, second)
    return (
        f'<section class="dpi-ab" aria-label="A and B"><div class="dpi-ab-pair">{wipe}'
        f'<figure><img src="{data_uri(spread, lossless=True)}" alt="heat map of the difference of A and B over their mean">'
        f"<figcaption>Where they differ: the mean of both in grey, yellow {top:.0f} levels or more</figcaption></figure></div>"
        f'<div class="dpi-scroll" tabindex="0" role="group" aria-label="Figures of A and B">{_table(a, b)}</div>'
        f'<div class="dpi-detail">{others}</div></section>'
    )


def _table(a: Side, b: Side) -> str:
    rows = "".join(
        _row(measure, a.measured[measure.key], b.measured[measure.key])
        for measure in MEASURES
        if measure.key in a.measured and measure.key in b.measured
    )
    words = "".join(
        f'<p class="dpi-plan"><b>{name}</b>: {escape(side.words)}; {escape(side.where)}</p>'
        for name, side in (("A", a), ("B", b))
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("A", "B", "B − A"))
    return (
        f'<table class="dpi-figures-table"><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>{words}'
    )


def _row(measure: Measure, a: float, b: float) -> str:
    """Render a figure of both, the higher one in bold: all of these are better when higher."""
    cells = "".join(
        f"<td>{f'<b>{text}</b>' if value > other else text}</td>"
        for value, other, text in ((a, b, measure.text(a)), (b, a, measure.text(b)))
    )
    return f'<tr><th scope="row">{measure.name}</th>{cells}<td>{b - a:+.{measure.decimals}f}</td></tr>'
