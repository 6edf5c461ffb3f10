"""A finished run to scrub through: a slider over its steps, a strip of key frames and two curves, as HTML.

All pictures travel with the page, so scrubbing (`film.js`) asks nothing of the server.
"""

import json
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from dpi_core.web.live import data_uri

if TYPE_CHECKING:
    from dpi_core.show.film import Frame

PANES = (("x0", "x0, the clean estimate"), ("x_t", "x_t, still noisy"), ("mask", "mask"), ("condition", "condition"))
KEY_FRAMES = 8
WIDTH, HEIGHT, PAD = 600, 120, 26


def render_film(frames: "Sequence[Frame]") -> str:
    """The film of a run with at least one frame."""
    data = [
        {
            "text": f"Step {f.index + 1} of {f.total}, t = {f.t}, {f.stage}: {f.consistency:.1f} dB to the input, "
            f"x0 changed by {f.change:.1f} levels",
            "stage": f.stage,
            **{name: data_uri(getattr(f, name)) for name, _ in PANES},
        }
        for f in frames
    ]
    last = len(frames) - 1
    panes = "".join(
        f'<figure><img data-pane="{name}" src="{data[last][name]}" alt="{escape(title)} of the chosen step">'
        f"<figcaption>{escape(title)}</figcaption></figure>"
        for name, title in PANES
    )
    first_late = next((i for i, frame in enumerate(frames) if frame.stage != "FCM"), None)
    split = "" if first_late is None else f" RACM begins at step {frames[first_late].index + 1}."
    return (
        f'<section class="dpi-film" aria-label="The run, step by step">'
        f"<h2>How it came about</h2>"
        f'<label class="dpi-zoom">Step <input type="range" min="0" max="{last}" value="{last}" step="1" '
        f'data-role="scrub" aria-label="Step of the finished run"></label>'
        f'<p class="dpi-line" data-role="film-text">{escape(data[last]["text"])}</p>'
        f'<div class="dpi-film-panes">{panes}</div>{_strip(frames, data)}{_curves(frames)}'
        f'<p class="dpi-plan">Blue: FCM, orange: RACM.{split}</p>'
        f'<div hidden data-role="film-data">{escape(json.dumps(data), quote=False)}</div></section>'
    )


def _strip(frames: "Sequence[Frame]", data: list[dict]) -> str:
    count = min(KEY_FRAMES, len(frames))
    chosen = sorted({round(i * (len(frames) - 1) / max(1, count - 1)) for i in range(count)})
    buttons = [
        f'<button type="button" class="dpi-key-frame dpi-edge-{frames[i].stage}" data-step="{i}" '
        f'aria-label="Show step {frames[i].index + 1}, {frames[i].stage}"><img src="{data[i]["x0"]}" alt=""></button>'
        for i in chosen
    ]
    return f'<div class="dpi-strip">{"".join(buttons)}</div>'


def _curves(frames: "Sequence[Frame]") -> str:
    """LR-consistency and change over the steps, each on its own scale, over the stages' colours."""
    if len(frames) < 2:
        return ""
    step = (WIDTH - 2 * PAD) / (len(frames) - 1)
    late = next((i for i, frame in enumerate(frames) if frame.stage != "FCM"), len(frames))
    border = PAD + max(0.0, late - 0.5) * step
    stages = (
        f'<rect x="{PAD}" y="0" width="{border - PAD:.1f}" height="{HEIGHT}" fill="#2563eb" opacity=".08"/>'
        f'<rect x="{border:.1f}" y="0" width="{max(0.0, WIDTH - PAD - border):.1f}" height="{HEIGHT}" fill="#ea580c" '
        f'opacity=".1"/>'
    )
    lines = []
    for values, name, unit, colour in (
        ([f.consistency for f in frames], "LR-consistency", "dB", "#0d9488"),
        ([f.change for f in frames], "change of x0", "levels", "#c026d3"),
    ):
        low, high = min(values), max(values)
        span = max(high - low, 1e-9)
        points = " ".join(
            f"{PAD + i * step:.1f},{HEIGHT - 14 - (v - low) / span * (HEIGHT - 28):.1f}" for i, v in enumerate(values)
        )
        lines.append((name, unit, colour, low, high, points))
    drawn = "".join(f'<polyline points="{p}" fill="none" stroke="{c}" stroke-width="2"/>' for *_, c, _, _, p in lines)
    keys = "".join(
        f'<span><i style="background:{colour}"></i>{name}: {low:.1f} to {high:.1f} {unit}</span>'
        for name, unit, colour, low, high, _ in lines
    )
    text = "; ".join(f"{name} from {low:.1f} to {high:.1f} {unit}" for name, unit, _, low, high, _ in lines)
    return (
        f'<figure class="dpi-curves"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Curves over the steps: '
        f'{escape(text)}" preserveAspectRatio="none">{stages}{drawn}'
        f'<line data-role="cursor" x1="{WIDTH - PAD}" x2="{WIDTH - PAD}" y1="0" y2="{HEIGHT}" stroke="currentColor" '
        f'data-from="{PAD}" data-step="{step:.3f}"/></svg><figcaption>{keys}</figcaption></figure>'
    )
