"""Seeds side by side as HTML: one card a seed, a shared zoom, two of them to flip between, and where they differ.

The buttons live in the page (`seeds.js`): flipping and zooming ask nothing of the server.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from PIL import Image

from dpi_core.web.live import data_uri

if TYPE_CHECKING:
    from dpi_core.measure.comparison import Comparison


@dataclass(frozen=True)
class Card:
    """One seed: its picture, a line of figures, and whether it is among the most different."""

    seed: int
    picture: Image.Image
    figures: str = ""
    picked: bool = False


def render_cards(cards: Sequence[Card], lossless: bool = False) -> str:
    """The cards alone: what streams while the seeds run (JPEG), and part of the end (PNG)."""
    figures = []
    for card in cards:
        mark = '<span class="dpi-picked">most different</span>' if card.picked else ""
        figures.append(
            f'<figure class="dpi-card{" dpi-is-picked" if card.picked else ""}" data-seed="{card.seed}">'
            f'<div class="dpi-window"><img src="{data_uri(card.picture, lossless)}" '
            f'alt="result of seed {card.seed}{", one of the most different" if card.picked else ""}"></div>'
            f"<figcaption><b>seed {card.seed}</b>{mark}<br>{escape(card.figures)}</figcaption></figure>"
        )
    return f'<div class="dpi-cards">{"".join(figures)}</div>'


def render_comparison(cards: Sequence[Card], comparison: "Comparison") -> str:
    """The finished comparison: cards, flip view and heat map."""
    from dpi_core.show.figures import heat_map

    top = max(1.0, float(comparison.std.quantile(0.99)))
    spread = heat_map(comparison.std, top, comparison.mean)
    options = "".join(f'<option value="{card.seed}">seed {card.seed}</option>' for card in cards)
    last = options.replace(f'<option value="{cards[1].seed}"', f'<option selected value="{cards[1].seed}"')
    first, second = (data_uri(card.picture, lossless=True) for card in cards[:2])
    return (
        f'<div class="dpi-seeds">'
        f'<label class="dpi-zoom">Zoom into all at once <input type="range" min="1" max="8" step="0.5" value="1" '
        f'data-role="zoom" aria-label="Zoom into all pictures at once"></label>'
        f"{render_cards(cards, lossless=True)}"
        f'<div class="dpi-pair"><section class="dpi-flip" aria-label="Flip between two seeds">'
        f'<div class="dpi-window"><img data-role="a" src="{first}" alt="the first of the two seeds">'
        f'<img data-role="b" src="{second}" alt="the second of the two seeds" hidden></div>'
        f'<div class="dpi-flip-bar"><label>A <select data-role="choose-a" aria-label="Seed A">{options}</select></label>'
        f'<label>B <select data-role="choose-b" aria-label="Seed B">{last}</select></label>'
        f'<button type="button" data-role="flip" aria-pressed="false">Flip (F)</button>'
        f'<span data-role="shown" role="status">A, seed {cards[0].seed}</span></div></section>'
        f'<figure class="dpi-spread"><div class="dpi-window"><img src="{data_uri(spread, lossless=True)}" '
        f'alt="heat map of the standard deviation over the seeds, over their mean face"></div>'
        f"<figcaption>Where the seeds differ: standard deviation over the mean face, grey 0, yellow {top:.0f} levels or "
        f"more; mean {comparison.diversity:.1f}</figcaption></figure></div></div>"
    )
