"""A plot of two metrics as inline SVG: a dot a method with its intervals; up and to the right is better."""

from collections.abc import Mapping
from html import escape

from dpi_core.evaluation.intervals import Interval
from dpi_core.measure.measured_case import Metric
from dpi_core.measure.metric_registry import METRICS

WIDTH, HEIGHT = 560, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 48
LETTER, LINE = 8.0, 13  # pixels of a label's letter and line
Box = tuple[float, float, float, float]


def scatter(rows: Mapping[str, Mapping[str, Interval]], across: str, up: str) -> str:
    """Draw the methods of `rows` that have both metrics; "" where fewer than two have.

    A metric that is better low has its axis turned round.
    """
    points = {name: (row[across], row[up]) for name, row in rows.items() if across in row and up in row}
    if len(points) < 2:
        return ""
    x, y = (_Axis([p[i] for p in points.values()], METRICS[m], i) for i, m in enumerate((across, up)))
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(METRICS[up].title)} against '
        f'{escape(METRICS[across].title)}, a dot a method" xmlns="http://www.w3.org/2000/svg">'
    ]
    for tick in x.ticks:
        at = x.at(tick)
        parts.append(f'<line class="rule" x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{x.told(tick)}</text>')
    for tick in y.ticks:
        at = y.at(tick)
        parts.append(f'<line class="rule" x1="{LEFT}" y1="{at:.1f}" x2="{WIDTH - RIGHT}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{y.told(tick)}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{x.title}</text>'
    )
    parts.append(
        f'<text class="axis" x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{y.title}</text>'
    )
    places = {name: (x.at(a[0]), y.at(b[0])) for name, (a, b) in points.items()}
    taken: list[Box] = [(px - 5, py - 5, px + 5, py + 5) for px, py in places.values()]
    for name, (a, b) in points.items():
        px, py = places[name]
        parts.append(f'<line class="reach" x1="{x.at(a[1]):.1f}" y1="{py:.1f}" x2="{x.at(a[2]):.1f}" y2="{py:.1f}"/>')
        parts.append(f'<line class="reach" x1="{px:.1f}" y1="{y.at(b[1]):.1f}" x2="{px:.1f}" y2="{y.at(b[2]):.1f}"/>')
    for name, (px, py) in places.items():
        parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4"/>')
        lx, ly = _free(px, py, len(name) * LETTER, taken)
        parts.append(f'<text class="name" x="{lx:.1f}" y="{ly:.1f}">{escape(name)}</text>')
    return "".join([*parts, "</svg>"])


class _Axis:
    """One direction: from a metric's values to pixels, better to the right or up."""

    def __init__(self, values: list[Interval], metric: Metric, direction: int):
        low, high = min(v[1] for v in values), max(v[2] for v in values)
        margin = 0.08 * (high - low) or abs(high) * 0.1 or 1.0
        self.low, self.high, self.upward = low - margin, high + margin, direction == 1
        self.turned = metric.better == "low"
        self.title = escape(metric.title)
        span = self.high - self.low
        size = 10.0 ** len(str(int(span))) if span >= 1 else 1.0
        while size > span / 4:
            size /= 2 if f"{size:e}"[0] != "5" else 2.5
        self.step = size
        first = -(-self.low // size)
        self.ticks = [size * (first + i) for i in range(int(span / size) + 1) if size * (first + i) <= self.high]

    def told(self, tick: float) -> str:
        places = max(0, len(f"{self.step:.6f}".rstrip("0").partition(".")[2]))
        return f"{tick:.{places}f}"

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        share = 1 - share if self.turned else share
        if self.upward:
            return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
        return LEFT + share * (WIDTH - LEFT - RIGHT)


def _free(px: float, py: float, width: float, taken: list[Box]) -> tuple[float, float]:
    """Find a place for a label beside its dot where nothing is yet, as near as there is one."""
    for far in (0, LINE, 2 * LINE, 3 * LINE, 4 * LINE):
        for dx, dy in ((8, 4), (-8 - width, 4), (-width / 2, -9), (-width / 2, 18), (8, -8), (8, 16)):
            x, y = px + dx, py + dy + (far if dy > 0 else -far)
            box = (x, y - LINE + 2, x + width, y + 2)
            inside = box[0] >= LEFT and box[2] <= WIDTH - 2 and box[1] >= 2 and box[3] <= HEIGHT - BOTTOM
            if inside and not any(_touch(box, other) for other in taken):
                taken.append(box)
                return x, y
    return px + 8, py + 4


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
