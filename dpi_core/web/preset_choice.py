"""The choice of a preset, which moves the settings, and which the settings move: Auto, a preset by name, or none."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from dpi_core.errors import DPIError
from dpi_core.method.config import DPIConfig
from dpi_core.models.presets import AUTOMATIC, DEFAULT_PRESET, Preset, name_of
from dpi_core.web.events import FIELDS, QUIET
from dpi_core.web.session import Session

AUTO_TEXT = "Auto: chosen by what the face holds and what damaged it, once there is one."
CUSTOM = "Custom: the settings below are no preset's."


def preset_text(name: str, presets: dict[str, Preset]) -> str:
    """Return a preset's own line."""
    return f"{name.capitalize()}: {presets[name].about}."


def preset_control(presets: dict[str, Preset]) -> gr.Radio:
    """Make the choice of a preset, Auto at first."""
    return gr.Radio(
        [(name.capitalize(), name) for name in (AUTOMATIC, *presets)],
        value=AUTOMATIC,
        label="Preset",
        info=AUTO_TEXT,
        elem_id="preset",
    )


def connect_presets(
    preset: gr.Radio, settings: dict[str, Any], presets: dict[str, Preset], session: gr.State
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Let a preset move the controls; controls that are moved away from it by hand deselect it. Returns `Controls.told_preset`.

    By hand only: the values of a preset arrive one after another, and half of them are nobody's. The session keeps whether Auto
    was the last choice: its settings may be a preset's, too.
    """

    def choose(visitor: Session, name: str) -> tuple:
        visitor.automatic = name == AUTOMATIC
        return on_preset(presets, name)

    def settle(visitor: Session, name: str | None, *values) -> Any:
        return gr.skip() if visitor.automatic else on_follow(presets, name, *values)

    def follow(visitor: Session, name: str | None, *values) -> gr.Radio:
        visitor.automatic = False
        return on_follow(presets, name, *values)

    def opened(_visitor: Session, name: str | None, *values) -> Any:
        return on_opened(presets, name, *values)

    values = list(settings.values())
    asked = [session, preset, *values]
    chosen = preset.input(choose, [session, preset], [*values, preset], queue=False, **QUIET)
    # the answer to a move just before it may come after it
    chosen.then(settle, asked, preset, queue=False, **QUIET)
    by_hand = [control.input for control in values]
    gr.on(by_hand, follow, asked, preset, queue=False, trigger_mode="always_last", **QUIET)
    return follow, opened


def on_preset(presets: dict[str, Preset], name: str) -> tuple:
    """Move all the controls to the preset that was chosen; Auto waits for a face."""
    if name == AUTOMATIC:
        return *[gr.skip()] * len(FIELDS), gr.Radio(info=AUTO_TEXT)
    config = presets[name].config
    return *(getattr(config, field) for field in FIELDS), gr.Radio(info=preset_text(name, presets))


def on_follow(presets: dict[str, Preset], _name: str | None, *values) -> gr.Radio:
    """Select the preset that these settings are, now that they were moved, or none; Auto is left."""
    try:
        name = name_of(DPIConfig.from_dict(dict(zip(FIELDS, values, strict=True))), presets)
    except DPIError:
        name = None
    return gr.Radio(value=name, info=preset_text(name, presets) if name else CUSTOM)


def on_opened(presets: dict[str, Preset], name: str | None, *values) -> gr.Radio:
    """Select the preset that the settings of the page just opened are; Auto stays if its address names none."""
    start = presets[DEFAULT_PRESET].config
    same = all(value == getattr(start, field) for field, value in zip(FIELDS, values, strict=True))
    return gr.skip() if name == AUTOMATIC and same else on_follow(presets, name, *values)
