"""One picture over another with an edge to move between them, as HTML.

The range input and the flip button work from the keyboard, a finger or a mouse moves the edge on the picture itself; all of
it lives in the page (`wipe.js`) and asks nothing of the server.
"""

from html import escape
from pathlib import Path

from PIL import Image

from dpi_core.web.live import data_uri

SCRIPT = Path(__file__).with_name("wipe.js")
Named = tuple[str, str, Image.Image]
"""Name, alternative text and picture."""


def render_wipe(first: Named, second: Named) -> str:
    """Render two pictures of one size, `first` left of the edge and `second` right of it."""
    (left, left_alt, over), (right, right_alt, under) = first, second
    return (
        f'<div class="dpi-wipe-box"><div class="dpi-wipe" data-role="box" data-left="{escape(left)}" '
        f'data-right="{escape(right)}"><img src="{data_uri(under, lossless=True)}" alt="{escape(right_alt)}">'
        f'<img class="dpi-over" src="{data_uri(over, lossless=True)}" alt="{escape(left_alt)}">'
        f'<i class="dpi-cut" aria-hidden="true"></i><b class="dpi-corner" aria-hidden="true">{escape(left)}</b>'
        f'<b class="dpi-corner dpi-right" aria-hidden="true">{escape(right)}</b></div>'
        f'<label class="dpi-zoom">{escape(left)} <input type="range" min="0" max="100" value="50" step="1" data-role="wipe" '
        f'aria-label="Wipe: how much of the picture is {escape(left)}, from the left"> {escape(right)}</label>'
        f'<div class="dpi-flip-bar"><button type="button" data-role="flip" aria-pressed="false">Flip (F)</button>'
        f'<span data-role="shown" role="status">{escape(left)} left, {escape(right)} right</span></div></div>'
    )
