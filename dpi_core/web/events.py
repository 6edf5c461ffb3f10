"""The page's event handlers: from Gradio's values to `dpi_core.web.restore_run` and back to component updates."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from dpi_core.errors import DPIError
from dpi_core.method.config import MAX_TAU, SETTINGS, DPIConfig
from dpi_core.models.presets import Preset, name_of
from dpi_core.restore.request import Request, read_request
from dpi_core.web.checks import message_of, still_kept, whole_number
from dpi_core.web.detected_faces import detect
from dpi_core.web.engine import Engine
from dpi_core.web.links import VIEW, Linked, read_link
from dpi_core.web.live import render_message
from dpi_core.web.restore_run import MODES, Outcome, run, save_film
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making, failed, plan_of

FIELDS = tuple(SETTINGS)
MODELS = "models"
"""What all runs share in Gradio's queue: one at a time uses the models."""
MAX_PAGE_SEED = 2**32 - 1  # more digits than a number field keeps exactly would be lost


CUSTOM = "Custom: the settings below are no preset's."


def preset_text(name: str, presets: dict[str, Preset]) -> str:
    """Return a preset's own line."""
    return f"{name.capitalize()}: {presets[name].about}."


def making_of(engine: Engine, photo, mode, aligned, chosen, background, seed, *values) -> Making:
    """Gather what a restoration is made from, as `Controls.making` lists it.

    Raises:
        DPIError: on a setting or a seed that is not allowed.
    """
    asked = {
        "config": dict(zip(FIELDS, values, strict=True)),
        "seeds": [whole_number("seed", seed)],
        "scale": MODES[mode],
        "aligned": bool(aligned),
        "face": sorted(chosen) or "all",
        "background": int(background),
        "prior": engine.settings.prior,
        "corrector": engine.settings.corrector,
    }
    return Making(photo, Request().replaced(asked))


def on_photo(prior: str, photo: str | None, session: Session) -> Iterator[tuple]:
    """Find the faces of a new photo."""
    yield gr.skip(), gr.skip(), render_message("Looking for faces .." if photo else "Choose a photo.")
    found = detect(photo, session, prior)
    gallery = gr.Gallery(found.thumbnails, visible=bool(found.thumbnails))
    choices = [(line, i) for i, line in enumerate(found.lines)]
    yield gallery, gr.CheckboxGroup(choices, value=found.chosen, visible=bool(choices)), found.message


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


def queued(text: str) -> dict[str, Any]:
    """Build what stage and seeds show of a run that waits."""
    return {"run": "", "state": "queued", "line": text}


def on_stop(session: Session) -> gr.Button:
    """Stop the run after its current step."""
    session.stopped = True
    return gr.Button(value="Stopping ..", interactive=False)


def giving_back(rows: Iterator[tuple]) -> Iterator[tuple]:
    """Yield the rows of a run, with its two buttons left as they are, and the last once more with the buttons given back.

    Once more, because the page can lose a row that another one follows at once; what that one skipped stayed hidden.
    """
    row: tuple = ()
    for row in rows:
        yield *row, gr.skip(), gr.skip()
    yield *row, gr.Button(interactive=True), gr.Button(visible=False)


def on_run(engine: Engine, session: Session, *making) -> Iterator[tuple]:
    """Stream a run to the stage, its downloads, Restore and Stop."""
    try:
        made = making_of(engine, *making)
    except DPIError as error:
        yield from giving_back(iter([(failed(str(error)), *[gr.skip()] * 3)]))
        return
    yield from giving_back(_run_row(item, session) for item in run(engine, session, made))


def _run_row(item: dict[str, Any] | Outcome, session: Session) -> tuple:
    if not isinstance(item, Outcome):
        return item, *[gr.skip()] * 3
    files = gr.DownloadButton(value=item.photo), gr.DownloadButton(value=item.bundle)
    session.shown = item.stage, *files, gr.Row(visible=True)
    return session.shown


def on_plan(engine: Engine, *making) -> dict:
    """Tell the stage what a run would do, now that a control was moved."""
    try:
        made = making_of(engine, *making)
    except DPIError as error:
        return gr.update(plan={"steps": [], "tau": 0, "made": "", "line": str(error)})
    face = made.request.face
    faces = len(face) if isinstance(face, tuple) and not made.request.aligned else 1
    seconds = engine.estimate(faces * made.config.steps)
    cost = f" {faces} faces." if faces > 1 else ""
    if seconds is not None:
        cost += f" About {max(1, round(seconds))} s on this machine."
    return gr.update(plan=plan_of(made, cost))


def on_tau(event: gr.EventData) -> int:
    """Let the slider follow the split that was let go on the stage."""
    return min(MAX_TAU, max(0, int(event.tau)))


def on_save_film(session: Session) -> tuple:
    """Make the last run's film: the preview, its files, and a line."""
    files, message = save_film(session)
    video = next((file for file in files if file.endswith(".mp4")), None)
    return gr.Video(video, visible=video is not None), gr.File(files, visible=bool(files)), message


def on_preset(presets: dict[str, Preset], name: str) -> tuple:
    """Move all the controls to the preset that was chosen."""
    config = presets[name].config
    return *(getattr(config, field) for field in FIELDS), gr.Radio(info=preset_text(name, presets))


def on_follow(presets: dict[str, Preset], *values) -> gr.Radio:
    """Select the preset that these settings are, now that a control was moved, or none."""
    try:
        name = name_of(DPIConfig.from_dict(dict(zip(FIELDS, values, strict=True))), presets)
    except DPIError:
        name = None
    return gr.Radio(value=name, info=preset_text(name, presets) if name else CUSTOM)


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


def on_load_settings(path: str | None) -> tuple:
    """Take over settings, seeds and mode of a PNG, JSON or ZIP of this program, or say why not."""
    count = len(FIELDS) + 5
    if path is None:
        return tuple([gr.skip()] * count)
    try:
        recipe = read_request(still_kept(path))
    except Exception as error:
        return *[gr.skip()] * (count - 1), render_message(message_of(error), "error")
    mode = next(name for name, scale in MODES.items() if scale == recipe.scale)
    models = [name for name in (recipe.prior, recipe.corrector) if name != "embedded"]
    note = f" It was made with {' and '.join(models)}; this page uses its own models." if models else ""
    branch = recipe.branch
    if branch is not None:
        note += f" Its seeds part after step {branch.step} of seed {branch.seed}: restore the face first, then compare."
    text = f"Settings of {Path(path).name} taken over. The same photo gives the same result.{note}"
    values = [getattr(recipe.config, field) for field in FIELDS]
    return (
        *values,
        branch.seed if branch else recipe.seeds[0],
        mode,
        recipe.aligned,
        recipe.background,
        render_message(text),
    )
