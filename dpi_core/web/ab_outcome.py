"""What a finished comparison of A and B shows and leaves to download."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpi_core.restore.variants import Plan
from dpi_core.web.ab_settings import NAMES, differences, words_of
from dpi_core.web.ab_view import Side, render_ab
from dpi_core.web.explore_view import references_of
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
    plan: Plan,
    runs: "Sequence[Restoration]",
    places: "Sequence[np.ndarray | None]",
    seconds: float,
    stem: str,
) -> AbOutcome:
    """Put both results in one frame, with their distance and the files: each result as it is, and the figures of both.

    Args:
        places: of each, the matrix from the photo to its crop, or None.
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
    sides = []
    for picture, result, variant, words in zip(pictures, results, plan.variants, words_of(plan), strict=True):
        steps, total = result.settings["steps_done"], variant.config.steps
        where = f"{total} steps" if steps == total else f"stopped after step {steps} of {total}"
        sides.append(Side(picture, words, "final", where, result.measured))
    spread = heat_map(apart, top, images.mean(dim=0))
    how = "Finished" if all(run.complete for run in runs) else "Stopped, the estimates kept,"
    saved = f", {plan.saved} of them for both at once" if plan.saved else ""
    ran = sum(result.settings["steps_done"] for result in results) - plan.saved
    told = [
        f"{how} in {seconds:.1f} s: {ran} steps{saved}. A and B lie {distance:.1f} levels apart "
        f"(root mean square, of 255). They differ in {differences(*plan.variants)}.",
        note,
        OWN_TRUTHS if note and results[0].job.truth is not None else "",
        *dict.fromkeys(text for run in runs for text in run.messages),  # each thing once
    ]
    shown = (
        zip(NAMES, results, strict=True) if note else [("", results[0])]
    )  # where the priors were given the same, once
    references = [r for name, result in shown for r in references_of(result.job, f" of {name}" if name else "")]
    page = render_ab(sides[0], sides[1], spread, top, references)
    files = _write(session, results, {"distance_levels": distance, "steps_shared": plan.saved, "note": note}, stem)
    return AbOutcome(page, render_message(" ".join(filter(None, told))), files)


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
