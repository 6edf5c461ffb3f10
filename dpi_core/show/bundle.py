"""A comparison as one ZIP: every result as a PNG, a contact sheet, and a JSON of settings and figures.

The JSON holds a request (`dpi_core.restore.request`), from which the app, the command line and Python make the same pictures
again.
"""

import json
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from dpi_core.imaging.pictures import save_png
from dpi_core.measure.comparison import Comparison
from dpi_core.restore.records import FaceResult
from dpi_core.restore.request import SETTINGS_FILE
from dpi_core.show.figures import heat_map, labelled_sheet

COLUMNS = 4


def comparison_settings(results: Sequence[FaceResult], comparison: Comparison, picked: Sequence[int] = ()) -> dict:
    """Return the request of a comparison with what was measured; `picked` are indices of the most different results."""
    shared = {key: value for key, value in results[0].settings.items() if key not in ("seed", "measured")}
    figures = [
        {"seed": result.seed, **result.measured, "distance_to_mean": round(distance, 3)}
        for result, distance in zip(results, comparison.to_mean, strict=True)
    ]
    return {
        **shared,
        "seeds": list(comparison.seeds),
        "figures": figures,
        "diversity": round(comparison.diversity, 3),
        "most_different": [comparison.seeds[i] for i in picked],
        "most_typical": None if comparison.typical is None else comparison.seeds[comparison.typical],
    }


def contact_sheet(results: Sequence[FaceResult]) -> Image.Image:
    """Draw the input and every result in rows of four, each with its seed."""
    finest = [result.finest for result in results]
    pictures = [results[0].condition.resize(finest[0].size, Image.Resampling.BICUBIC), *finest]
    labels = ["input", *(f"seed {result.seed}" for result in results)]
    return labelled_sheet(pictures, labels, min(COLUMNS, len(pictures)))


def write_bundle(path: Path, results: Sequence[FaceResult], comparison: Comparison, picked: Sequence[int] = ()) -> dict:
    """Write the ZIP: ``seed<N>.png`` each, ``contact.png``, ``spread.png`` and ``settings.json``, whose values it returns."""
    settings = comparison_settings(results, comparison, picked)
    with zipfile.ZipFile(path, "w") as archive:  # PNG is compressed already
        for result in results:
            archive.writestr(f"seed{result.seed}.png", _png(result.finest, result.settings))
        archive.writestr("contact.png", _png(contact_sheet(results), settings))
        spread = heat_map(comparison.std, max(1.0, float(comparison.std.max())), comparison.mean)
        archive.writestr("spread.png", _png(spread, settings))
        archive.writestr(SETTINGS_FILE, json.dumps(settings, indent=1) + "\n")
    return settings


def _png(image, settings: dict) -> bytes:
    buffer = BytesIO()
    save_png(image, buffer, settings)
    return buffer.getvalue()
