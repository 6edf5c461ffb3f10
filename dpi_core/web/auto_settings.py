"""The preset Auto on the page: once a face is known, the controls show the settings for it, and why."""

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from dpi_core.errors import DPIError
from dpi_core.method.config import DPIConfig
from dpi_core.models.presets import AUTOMATIC, DEFAULT_PRESET, presets_for
from dpi_core.web.controls import Controls
from dpi_core.web.engine import Engine
from dpi_core.web.events import FIELDS, QUIET, making_of
from dpi_core.web.looked_at import cut_out
from dpi_core.web.preset_choice import AUTO_TEXT
from dpi_core.web.session import Session

if TYPE_CHECKING:
    from dpi_core.restore.automatic import Choice


def connect_auto(engine: Engine, controls: Controls) -> None:
    """Choose anew when the faces are known, when what is to be restored changes, and when Auto is asked for.

    Unasked it takes the place of its own settings alone, and of those that the page starts with: an address or a file may
    bring others a moment before their preset is selected.
    """
    c = controls
    start = presets_for(engine.settings.prior)[DEFAULT_PRESET].config

    def free(named: dict, session: Session, asked: bool) -> bool:
        return asked or config_of(named) in (start, session.fitted)

    def choose(values: dict, asked: bool = False) -> None:
        named, session = c.named(values), values[c.session]
        session.choice = choice_for(engine, session, named) if free(named, session, asked) else None

    def take(values: dict, asked: bool = False) -> dict:
        named, session = c.named(values), values[c.session]
        choice, session.choice = session.choice, None
        if named["preset"] == AUTOMATIC and not session.faces and not named["aligned"]:
            return {c.preset: gr.Radio(info=AUTO_TEXT)}  # what it said was of another photo
        if choice is None or named["preset"] != AUTOMATIC or not free(named, session, asked):
            return {c.session: gr.skip()}
        session.fitted = choice.config
        return {**c.moved(asdict(choice.config)), c.preset: gr.Radio(info=choice.line)}

    inputs, outputs = {c.session, *c.asked}, [c.session, c.preset, *c.settings.values()]
    moved = [c.mode.input, c.aligned.input]
    chosen = [(event.then(choose, inputs, None, queue=False, **QUIET), False) for event in c.faced]
    again = gr.on(moved, choose, inputs, None, queue=False, trigger_mode="always_last", **QUIET)
    by_name = c.preset.input(partial(choose, asked=True), inputs, None, queue=False, **QUIET)
    # in a second event: a hand may have moved something meanwhile
    for event, asked in (*chosen, (again, False), (by_name, True)):
        event.then(partial(take, asked=asked), inputs, outputs, queue=False, trigger_mode="always_last", **QUIET)


def config_of(named: dict[str, Any]) -> DPIConfig | None:
    """Read the settings that the controls show; None where they are not allowed."""
    try:
        return DPIConfig.from_dict({field: named[field] for field in FIELDS})
    except DPIError:
        return None


def choice_for(engine: Engine, session: Session, named: dict[str, Any]) -> "Choice | None":
    """Choose for the photo's faces, by the controls' values; None if that is not asked for, or there is no face."""
    from dpi_core.restore.automatic import automatic

    if named["preset"] != AUTOMATIC or not named["photo"]:
        return None
    try:
        return automatic(cut_out(session, making_of(engine, named)).prepared)
    except DPIError:  # what is wrong with the photo or a control is told where it is used
        return None
