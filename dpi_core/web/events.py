"""The page's event handlers: from Gradio's values to `dpi_core.web.restore_run` and back to component updates."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import gradio as gr

from dpi_core.errors import DPIError
from dpi_core.method.config import SETTINGS, DPIConfig
from dpi_core.models.presets import Preset, name_of
from dpi_core.restore.recipe import read_recipe
from dpi_core.web.checks import message_of, still_kept
from dpi_core.web.detected_faces import detect
from dpi_core.web.engine import Engine
from dpi_core.web.links import VIEW, Linked, read_link
from dpi_core.web.live import plan_text, render_message
from dpi_core.web.restore_run import MODES, Outcome, run, save_film
from dpi_core.web.session import Session
from dpi_core.web.wipe import render_wipe

FIELDS = tuple(SETTINGS)
MAX_PAGE_SEED = 2**32 - 1  # more digits than a number field keeps exactly would be lost


CUSTOM = "Custom: the settings below are no preset's."


def preset_text(name: str, presets: dict[str, Preset]) -> str:
    """A preset's own line."""
    return f"{name.capitalize()}: {presets[name].about}."


def plan_html(config: DPIConfig) -> str:
    """What the present settings would do."""
    return f'<p class="dpi-plan">{plan_text(config)}</p>'


def on_photo(prior: str, photo: str | None, session: Session) -> Iterator[tuple]:
    """A new photo: find its faces."""
    yield gr.skip(), gr.skip(), render_message("Looking for faces .." if photo else "Choose a photo.")
    found = detect(photo, session, prior)
    gallery = gr.Gallery(found.thumbnails, visible=bool(found.thumbnails))
    choices = [(line, i) for i, line in enumerate(found.lines)]
    yield gallery, gr.CheckboxGroup(choices, value=found.chosen, visible=bool(choices)), found.message


def on_face(event: gr.SelectData) -> list[int]:
    """A thumbnail was chosen: that face alone."""
    return [int(event.index)]


def on_chosen(chosen: list[int], session: Session) -> str:
    """Other faces were ticked."""
    session.chosen = [int(i) for i in chosen]
    if not chosen:
        return render_message("No face is chosen; tick at least one.", "error")
    names = ", ".join(str(i + 1) for i in sorted(session.chosen))
    return render_message(f"To restore: face {names}. {session.note}")


def on_start(session: Session) -> tuple:
    """Run was pressed: clear the stop flag, show the Stop button."""
    session.stopped = False
    return gr.Button(interactive=False), gr.Button(visible=True, interactive=True, value="Stop")


def on_stop(session: Session) -> gr.Button:
    """Stop was pressed: the run ends after its current step."""
    session.stopped = True
    return gr.Button(value="Stopping ..", interactive=False)


def giving_back(rows: Iterator[tuple]) -> Iterator[tuple]:
    """The rows of a run, with its two buttons left as they are, and the last once more with the buttons given back.

    Once more, because the page can lose a row that another one follows at once; what that one skipped stayed hidden.
    """
    row: tuple = ()
    for row in rows:
        yield *row, gr.skip(), gr.skip()
    yield *row, gr.Button(interactive=True), gr.Button(visible=False)


def on_run(
    engine: Engine, session: Session, photo, mode, aligned, chosen, background, seed, *values
) -> Iterator[tuple]:
    """Stream a run to the outputs: live view, summary, slider, photo, files, film, its button, Restore and Stop."""
    settings = dict(zip(FIELDS, values, strict=True))
    skip = gr.skip()
    yield from giving_back(
        (
            skip,
            item.summary,
            render_wipe(("before", "the face before", item.before), ("after", "the restored face", item.after)),
            gr.Image(item.photo, visible=True),
            gr.File(item.files, visible=True),
            item.film,
            gr.Button(visible=True),
        )
        if isinstance(item, Outcome)
        else (item, *[skip] * 6)
        for item in run(engine, session, photo, mode, aligned, chosen, int(background), seed, settings)
    )


def on_save_film(session: Session) -> tuple:
    """GIF and MP4 of the last run."""
    files, message = save_film(session)
    return gr.File(files, visible=bool(files)), message


def on_preset(presets: dict[str, Preset], name: str) -> tuple:
    """A preset was chosen: move all the controls."""
    config = presets[name].config
    return *(getattr(config, field) for field in FIELDS), gr.Radio(info=preset_text(name, presets))


def on_follow(presets: dict[str, Preset], *values) -> gr.Radio:
    """A control was moved: the preset these settings are, or none."""
    try:
        name = name_of(DPIConfig.from_dict(dict(zip(FIELDS, values, strict=True))), presets)
    except DPIError:
        name = None
    return gr.Radio(value=name, info=preset_text(name, presets) if name else CUSTOM)


def on_settings(*values) -> str:
    """A control was moved: say what the run would do."""
    try:
        return plan_html(DPIConfig.from_dict(dict(zip(FIELDS, values, strict=True))))
    except DPIError as error:
        return render_message(str(error), "error")


def on_dice() -> int:
    """A new seed."""
    return random.randint(0, MAX_PAGE_SEED)


def on_link(linked: Sequence[Linked], views: Sequence[str], query: dict[str, str]) -> tuple:
    """The page was opened: take over what its address names, and the view, or say what is wrong with it."""
    view = query.get(VIEW)
    tabs = gr.Tabs(selected=view) if view in views else gr.skip()
    try:
        found = read_link(linked, query)
    except DPIError as error:
        return *[gr.skip()] * len(linked), tabs, render_message(str(error), "error")
    values = [found.get(item.name, gr.skip()) for item in linked]
    return *values, tabs, render_message("Settings taken from the address.") if found else gr.skip()


def on_load_settings(path: str | None) -> tuple:
    """A PNG, JSON or ZIP of this program: take over its settings, seeds and mode, or say why not."""
    count = len(FIELDS) + 5
    if path is None:
        return tuple([gr.skip()] * count)
    try:
        recipe = read_recipe(still_kept(path))
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
