"""The page's event handlers: from Gradio's values to `dpi_core.web.restore_run` and back to component updates."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr

from dpi_core.errors import DPIError
from dpi_core.method.config import MAX_TAU, SETTINGS
from dpi_core.models.presets import AUTOMATIC
from dpi_core.restore.request import Request, read_request
from dpi_core.web.checks import message_of, still_kept, whole_number
from dpi_core.web.chosen_face import before_run
from dpi_core.web.detected_faces import detect
from dpi_core.web.engine import Engine
from dpi_core.web.links import VIEW, Linked, read_link
from dpi_core.web.live import cost_text, render_message, stages_of
from dpi_core.web.restore_run import MODES
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making, plan_of

FIELDS = tuple(SETTINGS)
MODELS = "models"
"""What all runs share in Gradio's queue: one at a time uses the models."""
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Events of the page: no overlay that flickers over a streaming picture, and no endpoint of their own."""
MAX_PAGE_SEED = 2**32 - 1  # more digits than a number field keeps exactly would be lost


def making_of(engine: Engine, named: Mapping[str, Any]) -> Making:
    """Gather what a restoration is made from, by the names of `Controls.making`; DPIError on what is not allowed."""
    asked = {
        "config": {field: named[field] for field in FIELDS},
        "seeds": [whole_number("seed", named["seed"])],
        "scale": MODES[named["mode"]],
        "aligned": bool(named["aligned"]),
        "face": sorted(named["chosen"]) or "all",
        "background": int(named["background"]),
        "prior": engine.settings.prior,
        "corrector": engine.settings.corrector,
        "method": named["method"],
    }
    return Making(named["photo"], Request().replaced(asked), named.get("preset") == AUTOMATIC)


def on_photo(prior: str, photo: str | None, session: Session, looked_at: str | None) -> Iterator[tuple]:
    """Find the faces of a new photo; one that this page has `looked_at` keeps what was found and ticked.

    A browser may tell twice of a photo, which would say the first again over what was said since.
    """
    if photo is not None and photo == looked_at:
        yield tuple([gr.skip()] * 4)
        return
    if photo != session.on_page:
        session.stopped, session.on_page = True, photo
    yield gr.skip(), gr.skip(), render_message("Looking for faces .." if photo else "Choose a photo."), gr.skip()
    found = detect(photo, session, prior)
    gallery = gr.Gallery(found.thumbnails, visible=bool(found.thumbnails))
    choices = [(line, i) for i, line in enumerate(found.lines)]
    several = len(choices) > 1
    chosen = gr.CheckboxGroup(choices, value=found.chosen, visible=bool(choices), show_select_all=several)
    yield gallery, chosen, found.message, session.photo


def on_face(event: gr.SelectData) -> list[int]:
    """Answer the choice of a thumbnail: that face alone."""
    return [int(event.index)]


def on_chosen(chosen: list[int], session: Session) -> str:
    """Keep in the session which faces are ticked now, and say them, as HTML."""
    session.chosen = [int(i) for i in chosen]
    if not chosen:
        return render_message("No face is chosen; tick at least one.", "error")
    names = ", ".join(str(i + 1) for i in sorted(session.chosen))
    return render_message(f"To restore: face {names}. {session.note}")


def on_plan(engine: Engine, session: Session, named: Mapping[str, Any]) -> dict:
    """Tell the stage what a run would do, now that a control was moved, and the face that it would begin with."""
    try:
        made = making_of(engine, named)
    except DPIError as error:
        return gr.update(plan={"steps": [], "tau": 0, "made": "", "line": str(error)})
    face, method = made.request.face, made.request.method
    faces = len(face) if isinstance(face, tuple) and not made.request.aligned else 1
    cost = f" {faces} faces." if faces > 1 else ""
    cost += cost_text(engine.estimate(faces * len(stages_of(made.config, method)), method=method))
    return gr.update(plan={**plan_of(made, cost), "before": before_run(session, made)})


def on_tau(event: gr.EventData) -> int:
    """Let the slider follow the split that was let go on the stage."""
    return min(MAX_TAU, max(0, int(event.tau)))


def on_dice() -> int:
    """Draw a new seed."""
    return random.randint(0, MAX_PAGE_SEED)


def on_link(linked: Sequence[Linked], views: Sequence[str], query: dict[str, str]) -> tuple:
    """Take over what the address of the page just opened names, and the view, or say what is wrong with it."""
    view = query.get(VIEW)
    tabs = gr.Tabs(selected=view) if view in views else gr.skip()
    try:
        found = read_link(linked, query)
    except DPIError as error:
        return *[gr.skip()] * len(linked), tabs, render_message(str(error), "error")
    values = [found.get(item.name, gr.skip()) for item in linked]
    return *values, tabs, render_message("Settings taken from the address.") if found else gr.skip()


def on_load_settings(path: str) -> tuple[dict[str, Any], str]:
    """Read the settings in a PNG, JSON or ZIP of this program: by their controls' names, and a line on it (HTML)."""
    try:
        recipe = read_request(still_kept(path))
    except Exception as error:
        return {}, render_message(message_of(error), "error")
    models = [name for name in (recipe.prior, recipe.corrector) if name != "embedded"]
    note = f" It was made with {' and '.join(models)}; this page uses its own models." if models else ""
    if recipe.method != "dpi":
        note += f" It was made by the method {recipe.method}, which is chosen now, under Advanced."
    branch = recipe.branch
    if branch is not None:
        note += f" Its seeds part after step {branch.step} of seed {branch.seed}: restore the face first, then compare."
    found = {
        **asdict(recipe.config),
        "seed": branch.seed if branch else recipe.seeds[0],
        "mode": next(name for name, scale in MODES.items() if scale == recipe.scale),
        "aligned": recipe.aligned,
        "background": recipe.background,
        "method": recipe.method,
    }
    text = f"Settings of {Path(path).name} taken over. The same photo gives the same result.{note}"
    return found, render_message(text)
