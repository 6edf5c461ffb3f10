"""What the A/B view is given: two results of one face as plain data, their pictures as data URIs. No HTML."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from dpi_core.web.explore_data import MEASURES
from dpi_core.web.live import HEAT_TOP, data_uri, given_of

if TYPE_CHECKING:
    from dpi_core.restore.records import FaceJob

NAMES = "AB"


def side_data(place: int, words: str, picture: Image.Image, stage: str, where: str) -> dict[str, Any]:
    """Turn one of the two into data: its picture, its settings in words, the stage it is in, and where it stands."""
    shown = data_uri(picture, lossless=stage == "final")
    return {"name": NAMES[place], "words": words, "picture": shown, "stage": stage, "where": where}


def figures_data(a: dict[str, float], b: dict[str, float]) -> list[dict[str, Any]]:
    """Turn what was measured of both into rows: both values as text, their difference, and which of the two is higher."""
    rows = []
    for measure in MEASURES:
        if measure.key in a and measure.key in b:
            first, second = measure.of(a), measure.of(b)
            texts = [measure.text(first), measure.text(second)]
            best = None if first == second else int(second > first)
            told = first == second or max(first, second) < measure.exact  # nothing is so many dB from exact
            difference = f"{second - first:+.{measure.decimals}f}" if told else ""
            rows.append({"name": measure.name, "values": texts, "difference": difference, "best": best})
    return rows


def apart_data(pictures: Sequence[Image.Image]) -> tuple[float, dict[str, str]]:
    """Measure how far two pictures of one size lie apart, in 8-bit levels (root mean square), and map where."""
    import numpy as np

    from dpi_core.imaging.pixels import to_tensor
    from dpi_core.measure.comparison import LEVELS, pairwise
    from dpi_core.show.figures import heat_map

    images = to_tensor(np.stack([np.asarray(picture) for picture in pictures]))
    distance = round(float(pairwise(images)[0, 1]), 3)
    apart = (images[0] - images[1]).abs().mean(dim=0) * LEVELS
    heat = data_uri(heat_map(apart, HEAT_TOP, images.mean(dim=0)), lossless=True)
    text = f"Where they differ, over their mean: yellow {HEAT_TOP:.0f} levels or more; apart {distance:.1f}"
    return distance, {"picture": heat, "text": text}


def references_data(jobs: "Sequence[FaceJob]", different: bool) -> list[dict[str, str]]:
    """List what both are shown beside: input and truth, of each where the priors are given `different` crops."""
    shown = zip((f" of {name}" for name in NAMES), jobs, strict=True) if different else [("", jobs[0])]
    return [{"name": f"{name}{end}", "picture": uri} for end, job in shown for name, uri in given_of(job).items()]
