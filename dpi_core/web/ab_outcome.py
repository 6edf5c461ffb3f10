"""What a finished comparison of A and B shows and leaves to download."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from dpi_core.web.ab_settings import NAMES, Setup, differences
from dpi_core.web.ab_view import Side, render_ab
from dpi_core.web.live import render_message
from dpi_core.web.session import Session
from dpi_core.web.shared_frame import in_one_frame

if TYPE_CHECKING:
    import numpy as np

    from dpi_core.restore.records import FaceResult
    from dpi_core.restore.restorer import Restoration

OWN_TRUTHS = "Each prior's own crop was reduced, so each result is measured against its own truth."


@dataclass(frozen=True)
class AbOutcome:
    """What the page shows of a finished comparison: both results as HTML, a line on it, and files to download."""

    html: str
    summary: str
    files: list[str]


def outcome_of(
    session: Session,
    runs: "tuple[Restoration, Restoration]",
    setups: Sequence[Setup],
    places: "Sequence[np.ndarray | None]",
    shared: int,
    seconds: float,
    stem: str,
) -> AbOutcome:
    """Both results in one frame, their distance, and the files: each result as it is, and the figures of both.

    Args:
        places: of each, the matrix from the photo to its crop, or None.
        shared: the steps that were run once for both.
    """
    import numpy as np

    from dpi_core.imaging.pixels import to_tensor
    from dpi_core.measure.comparison import LEVELS, pairwise
    from dpi_core.show.figures import heat_map

    results = [run.results[0] for run in runs]
    pictures, note = in_one_frame([result.image for result in results], places)
    images = to_tensor(np.stack([np.asarray(picture) for picture in pictures]))
    distance = round(float(pairwise(images)[0, 1]), 3)
    apart = (images[0] - images[1]).abs().mean(dim=0) * LEVELS
    top = max(1.0, float(apart.quantile(0.99)))
    two_priors = setups[0].prior != setups[1].prior
    sides = []
    for picture, result, setup in zip(pictures, results, setups, strict=True):
        steps, total = result.settings["steps_done"], setup.config.steps
        where = f"{total} steps" if steps == total else f"stopped after step {steps} of {total}"
        sides.append(Side(picture, setup.in_words(two_priors), "final", where, result.measured))
    spread = heat_map(apart, top, images.mean(dim=0))
    how = "Finished" if all(run.complete for run in runs) else "Stopped, the estimates kept,"
    saved = f", {shared} of them for both at once" if shared else ""
    ran = sum(result.settings["steps_done"] for result in results) - shared
    told = [
        f"{how} in {seconds:.1f} s: {ran} steps{saved}. A and B lie {distance:.1f} levels apart "
        f"(root mean square, of 255). They differ in "
        f"{differences(setups[0].config, setups[1].config, [setup.prior for setup in setups])}.",
        note,
        OWN_TRUTHS if note and results[0].job.truth is not None else "",
        *dict.fromkeys(text for run in runs for text in run.messages),  # each thing once
    ]
    page = render_ab(sides[0], sides[1], spread, top, _references(results, apart_by_frame=bool(note)))
    files = _write(session, results, {"distance_levels": distance, "steps_shared": shared, "note": note}, stem)
    return AbOutcome(page, render_message(" ".join(filter(None, told))), files)


def _references(results: "Sequence[FaceResult]", apart_by_frame: bool) -> list[tuple[str, Image.Image]]:
    """The input and the truth, of each where the priors were given different ones."""
    from dpi_core.imaging.pixels import to_image

    pictures = []
    for name, result in zip(NAMES, results if apart_by_frame else results[:1], strict=False):
        end = f" of {name}" if apart_by_frame else ""
        pictures.append((f"the input{end}", result.condition))
        if result.job.truth is not None:
            pictures.append((f"the truth{end}", to_image(result.job.truth[0])))
    return pictures


def _write(session: Session, results: "Sequence[FaceResult]", figures: dict, stem: str) -> list[str]:
    from dpi_core.imaging.pictures import save_png

    folder, files = session.results_folder("ab"), []
    for name, result in zip(NAMES, results, strict=True):
        path = folder / f"{stem}-seed{result.seed}-{name}.png"
        save_png(result.image, path, result.settings)
        files.append(str(path))
    table = folder / f"{stem}-seed{results[0].seed}-AB.json"
    record = {name: result.settings for name, result in zip(NAMES, results, strict=True)}
    table.write_text(json.dumps({**record, **figures}, indent=1) + "\n")
    return [*files, str(table)]
