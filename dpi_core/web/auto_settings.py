"""The preset Auto on the page: once a face is known, the controls show the settings for it, and why."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from dpi_core.errors import DPIError
from dpi_core.models.presets import AUTOMATIC
from dpi_core.web.checks import still_kept
from dpi_core.web.controls import QUIET, Controls
from dpi_core.web.engine import Engine
from dpi_core.web.events import making_of
from dpi_core.web.session import Session

if TYPE_CHECKING:
    from dpi_core.restore.automatic import Choice


def connect_auto(engine: Engine, controls: Controls, found: Any) -> None:
    """Choose anew after the event that `found` the faces, and when what is to be restored changes."""
    c = controls

    def choose(values: dict) -> dict:
        named = c.named(values)
        choice = choice_for(engine, values[c.session], named)
        if choice is None:
            return {c.session: gr.skip()}
        return {**c.moved(asdict(choice.config)), c.preset: gr.Radio(info=choice.line)}

    inputs, outputs = {c.session, *c.asked}, [c.session, c.preset, *c.settings.values()]
    found.then(choose, inputs, outputs, queue=False, **QUIET)
    moved = [c.preset.input, c.mode.input, c.aligned.input, c.chosen.input, c.faces.select]
    gr.on(moved, choose, inputs, outputs, queue=False, trigger_mode="always_last", **QUIET)


def choice_for(engine: Engine, session: Session, named: dict[str, Any]) -> "Choice | None":
    """Choose for the photo's faces, by the controls' values; None if that is not asked for, or there is no face."""
    from dpi_core.faces.templates import TEMPLATES
    from dpi_core.restore.automatic import automatic
    from dpi_core.restore.prepare import prepare
    from dpi_core.weights.known import known_of

    if named["preset"] != AUTOMATIC or not named["photo"]:
        return None
    try:
        making = making_of(engine, named)
        request, known = making.request, session.faces if session.photo == making.photo else None
        if known and not request.aligned:
            request = replace(request, face=session.face)
        crop = known_of(request.prior)
        template = TEMPLATES[crop.template].resized(crop.image_size)
        return automatic(prepare(still_kept(named["photo"]), template, request, faces=known))
    except DPIError:  # what is wrong with the photo or a control is told where it is used
        return None
