"""What the seeds view is given: a comparison as plain data, its pictures as data URIs. No HTML."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dpi_core.restore.request import Request
from dpi_core.web.live import EXACT, HEAT_TOP, data_uri, stages_of

if TYPE_CHECKING:
    from dpi_core.measure.comparison import Comparison
    from dpi_core.method.sampler import StepEvent
    from dpi_core.restore.records import Restoration

SEEN = 3.0  # levels (root mean square) between two faces that a person can tell apart at all
ROWS = 8  # steps shown from noise to face


@dataclass
class Funnel:
    """A comparison while it runs; `add` keeps what the view shows of each step.

    Attributes:
        run: an id.
        request: what is compared; one column for each of its seeds.
        given: the input and, in a simulation, the truth, as data URIs.
        spreads: of every step so far, how far the seeds lie apart.
        rows: the steps that stay in sight.
    """

    run: str
    request: Request
    given: dict[str, str] = field(default_factory=dict)
    spreads: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, event: "StepEvent") -> dict[str, Any]:
        """Turn a step of all seeds into data, and keep its spread, and its faces if they are to stay in sight."""
        from dpi_core.imaging.pixels import to_image
        from dpi_core.measure.comparison import LEVELS
        from dpi_core.measure.metrics import seed_diversity

        step = {"index": event.index, "t": event.t, "stage": event.stage}
        spread = round(float(seed_diversity(event.x0).mean()) * LEVELS, 2)
        row = {**step, "spread": spread, "pictures": [data_uri(to_image(x0)) for x0 in event.x0]}
        self.spreads.append({**step, "value": spread})
        if event.index in kept_steps(event.total):
            self.rows.append(row)
        return row

    def value(self, state: str, line: str, **more: Any) -> dict[str, Any]:
        """Build what the view shows in a state, with one line on it."""
        return {
            "run": self.run,
            "state": state,
            "line": line,
            "seeds": [str(seed) for seed in self.request.seeds],  # as text: JavaScript would round the largest
            "steps": stages_of(self.request.config, self.request.method),
            "spreads": list(self.spreads),
            "config": asdict(self.request.config),
            **self.given,
            **more,
        }


def kept_steps(total: int) -> set[int]:
    """Choose the steps that stay in sight: both ends and an even choice between, not before t = 750 where all is mist."""
    first = min(total - 1, total // 5)
    return {first + round(i * (total - 1 - first) / (ROWS - 1)) for i in range(ROWS)}


def results_data(restoration: "Restoration", comparison: "Comparison", picked: Sequence[int]) -> dict[str, Any]:
    """Turn a finished comparison into data: results, the pair furthest apart, the map of differences, and what to say.

    Args:
        picked: places of the most different results; they are marked only where a person can see it.
    """
    from dpi_core.measure.comparison import most_different
    from dpi_core.show.figures import heat_map

    results, distances = restoration.results, comparison.distances
    first, second = sorted(most_different(distances, 2))
    furthest = float(distances[first, second])
    agree = furthest < SEEN
    tiles = []
    for i, (result, distance) in enumerate(zip(results, comparison.to_mean, strict=True)):
        agreement = result.measured["lr_consistency"]
        line = "exactly the input's" if agreement >= EXACT else f"{agreement:.1f} dB to the input"
        line += f", {distance:.1f} levels to the mean"
        if "psnr" in result.measured:
            line += f", PSNR {result.measured['psnr']:.2f} dB"
        picture = data_uri(result.finest, lossless=True)
        marks = {"picked": i in picked and not agree, "typical": i == comparison.typical and not agree}
        tiles.append({"seed": str(result.seed), "picture": picture, "line": line, **marks})
    spread = f"Diversity {comparison.diversity:.1f} levels (standard deviation over {len(results)} seeds)."
    pair = f"seeds {results[first].seed} and {results[second].seed}"
    note = (
        f"These seeds agree: the furthest apart, {pair}, differ by {furthest:.1f} of 255 levels, which nobody sees."
        if agree
        else f"Furthest apart: {pair}, {furthest:.1f} levels (root mean square, of 255). {spread}"
    )
    if comparison.typical is not None and not agree:
        note += f" Most typical: seed {results[comparison.typical].seed}, the nearest to the mean of all."
    heat = heat_map(comparison.std, HEAT_TOP, comparison.mean)
    text = f"Where they differ: grey 0, yellow {HEAT_TOP:.0f} levels or more; mean {comparison.diversity:.1f}"
    return {
        "results": tiles,
        "pair": [first, second],
        "heat": {"picture": data_uri(heat, lossless=True), "text": text},
        "agree": agree,
        "note": note,
    }
