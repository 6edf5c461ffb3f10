"""Two settings, priors or methods on one seed, from a click to both results: a view over `dpi_core.restore.variants`."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpi_core.restore.request import Request
from dpi_core.restore.variant_runs import VariantStep, run_variants
from dpi_core.restore.variants import Plan
from dpi_core.web.ab_data import NAMES, apart_data, figures_data, references_data, side_data
from dpi_core.web.ab_settings import both, differences, words_of
from dpi_core.web.checks import with_messages
from dpi_core.web.chosen_face import face_of
from dpi_core.web.engine import Engine
from dpi_core.web.live import ViewOutcome
from dpi_core.web.session import Session
from dpi_core.web.single_face import ready_face
from dpi_core.web.stage_data import Making

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from dpi_core.restore.records import FaceResult, Restoration

OWN_TRUTHS = "Each prior's own crop was reduced, so each result is measured against its own truth."


@with_messages
def run_ab(
    engine: Engine, session: Session, photo: str | None, a: Request, b: Request
) -> Iterator[dict[str, Any] | ViewOutcome]:
    """Restore the chosen face as A and as B ask: yields what the view shows after every step, last the outcome."""
    from dpi_core.imaging.pixels import to_image

    plan, run = both(a, b), f"{time.time():.3f}"
    names, words = [a.prior, b.prior], words_of(plan)

    def value(state: str, line: str, **more: Any) -> dict[str, Any]:
        return {"run": run, "state": state, "line": line, **more}

    faces = yield from ready_face(engine, session, Making(photo, a), value, names)
    if session.stopped:
        yield value("stopped", "Stopped before the first step.")
        return
    given = references_data([faces[name][1].jobs[0] for name in names], different=a.prior != b.prior)
    begun, done = time.perf_counter(), 0
    sides: dict[int, dict[str, Any]] = {}
    ended: dict[int, Restoration] = {}
    for item in run_variants(plan, faces, side_by_side=True, stop=lambda: session.stopped):
        place = item.run.place
        if not isinstance(item, VariantStep):
            ended[place] = item.restoration
            engine.note_result(item)
            continue
        done, event = item.done, item.step.event
        together = event.index < plan.saved  # the one that runs them first runs them for both
        where = f"step {event.index + 1} of {event.total}" + (", the same for both" if together else "")
        for side in (0, 1) if together else (place,):
            sides[side] = side_data(side, words[side], to_image(event.x0[0]), event.stage, where)
        line = f"{done} of {item.to_do} steps, {item.seconds_left:.0f} s left"
        yield value(
            "running", line, sides=[sides[i] for i in sorted(sides)], progress=[done, item.to_do], references=given
        )
    if len(ended) < 2:
        line = f"Stopped after {done} steps, before A and B parted: there is nothing to compare yet."
        yield value("stopped", line, references=given)
        return
    places = [faces[name][1].jobs[0].matrix for name in names]
    runs, stem = [ended[0], ended[1]], Path(str(photo)).stem
    view, record = outcome_data(plan, runs, places, time.perf_counter() - begun)
    files = write_files(session.results_folder("ab"), stem, [run.results[0] for run in runs], record)
    complete = all(run.complete for run in runs)
    yield ViewOutcome(value("done" if complete else "stopped", **view), files)


def outcome_data(
    plan: Plan, runs: "Sequence[Restoration]", places: "Sequence[np.ndarray | None]", seconds: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Put both results in one frame: what the view shows of them, and what is written beside them.

    Args:
        places: of each, the matrix from the photo to its crop, or None.
    """
    results = [run.results[0] for run in runs]
    pictures, note = _framed(results, places, [result.image for result in results])
    shown, _ = _framed(results, places, [result.finest for result in results])
    distance, heat = apart_data(pictures)
    sides = []
    for place, (result, variant, words) in enumerate(zip(results, plan.variants, words_of(plan), strict=True)):
        steps, total = result.settings["steps_done"], variant.steps
        where = f"stopped after step {steps} of {total}" if not runs[place].complete else f"{steps} steps"
        sides.append(side_data(place, words, shown[place], "final", where))
    how = "Finished" if all(run.complete for run in runs) else "Stopped, the estimates kept,"
    saved = f", {plan.saved} of them for both at once" if plan.saved else ""
    ran = sum(result.settings["steps_done"] for result in results) - plan.saved
    line = f"{how} in {seconds:.1f} s: {ran} steps{saved}. A and B lie {distance:.1f} levels apart (root mean square, of 255). "
    told = [
        face_of(runs[0].preparation),
        f"They differ in {differences(*plan.variants)}.",
        note,
        OWN_TRUTHS if note and results[0].job.truth is not None else "",
        *dict.fromkeys(text for run in runs for text in run.messages),  # each thing once
    ]
    view = {
        "line": line,
        "note": " ".join(filter(None, told)),
        "sides": sides,
        "heat": heat,
        "figures": figures_data(*(result.measured for result in results)),
        "references": references_data([result.job for result in results], different=bool(note)),
    }
    return view, {"distance_levels": distance, "steps_shared": plan.saved, "note": note}


def _framed(
    results: "Sequence[FaceResult]", places: "Sequence[np.ndarray | None]", pictures: "Sequence[Image]"
) -> "tuple[list[Image], str]":
    """Put a picture of each result in one frame; `places` are for as many pixels as the prior has."""
    from dpi_core.faces.paste import rescaled
    from dpi_core.web.shared_frame import in_one_frame

    sides = [(result.image.width, picture.width) for result, picture in zip(results, pictures, strict=True)]
    matrices = [m if m is None else rescaled(m, *side) for m, side in zip(places, sides, strict=True)]
    return in_one_frame(pictures, matrices)


def write_files(folder: Path, stem: str, results: "Sequence[FaceResult]", record: dict[str, Any]) -> list[str]:
    """Write each result as it is, with its settings inside, and the figures of both; their paths."""
    from dpi_core.imaging.pictures import save_png

    files = [folder / f"{stem}-seed{result.seed}-{name}.png" for name, result in zip(NAMES, results, strict=True)]
    for path, result in zip(files, results, strict=True):
        save_png(result.finest, path, result.settings)
    table = folder / f"{stem}-seed{results[0].seed}-AB.json"
    sides = {name: result.settings for name, result in zip(NAMES, results, strict=True)}
    table.write_text(json.dumps({**sides, **record}, indent=1) + "\n")
    return [*map(str, files), str(table)]
