"""What all views of the page share: the photo, its faces, the mode and the settings, and the events among them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from dpi_core.baselines import NAMES
from dpi_core.method.config import SETTINGS, DPIConfig
from dpi_core.models.presets import DEFAULT_PRESET, presets_for
from dpi_core.restore.request import MOST_ENLARGED
from dpi_core.web.chosen_face import which_face
from dpi_core.web.events import MAX_PAGE_SEED, QUIET, on_dice
from dpi_core.web.live import render_message
from dpi_core.web.photo_input import photo_input
from dpi_core.web.preset_choice import connect_presets, preset_control
from dpi_core.web.restore_run import AUTO, MODES
from dpi_core.web.session import Session
from dpi_core.web.whole_files import WholeGallery
from dpi_core.weights.embedded_files import ASSETS

CHOOSE = "Choose a photo, or one of the examples below."
MAIN = ("tau", "sparsity")
"""The settings that stand beside the photo; the others are advanced."""


@dataclass(frozen=True)
class Controls:
    """The shared components; `settings` has one for each field of a config, in their order.

    `told_preset` are the handlers that select the preset which settings are, once moved and when the page opens; `faced` are
    the events after which it is known which faces are to be restored, from `connections.connect_photo`.
    """

    session: gr.State
    photo: gr.Image
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    faces: gr.Gallery
    chosen: gr.CheckboxGroup
    background: gr.Slider
    mode: gr.Radio
    aligned: gr.Checkbox
    live_tau: gr.Checkbox
    seed: gr.Number
    method: gr.Dropdown
    load: gr.UploadButton
    preset: gr.Radio
    settings: dict[str, Any]
    told_preset: tuple[Callable[..., Any], Callable[..., Any]]
    faced: tuple[Any, ...] = ()

    @property
    def making(self) -> dict[str, Any]:
        """What a restoration is made from, by the names that `events.making_of` knows."""
        names = ("photo", "mode", "aligned", "chosen", "background", "seed", "method", "preset")
        return {**{name: getattr(self, name) for name in names}, **self.settings}

    @property
    def asked(self) -> set[Any]:
        """What a handler takes as inputs to call `named` with what it is given."""
        return set(self.making.values())

    @property
    def planned(self) -> set[Any]:
        """What the plan of a view of one face depends on: neither the photo, but its faces, nor how it is enlarged."""
        return {self.session, *self.asked - {self.photo, self.background}}

    def named(self, values: Mapping[Any, Any] | None = None) -> dict[str, Any]:
        """Give the controls' values by their names, those in `values` or else those that the page starts with."""
        return {name: (values or {}).get(c, c.value) for name, c in self.making.items()}

    def which_face(self, values: Mapping[Any, Any] | None = None) -> str:
        """Say which face a view of one face takes, where there are several."""
        return which_face(values[self.session], values[self.chosen], values[self.aligned]) if values else ""

    def moved(self, values: Mapping[str, Any]) -> dict[Any, Any]:
        """Turn values by name into updates of the controls."""
        return {self.making[name]: value for name, value in values.items()}

    def brought(self, visitor: Session, values: Mapping[str, Any]) -> dict[Any, Any]:
        """Turn values that a visitor brought into updates of the controls and the preset that they are; none change nothing."""
        if not values:
            return {}
        told, _ = self.told_preset
        return {**self.moved(values), self.preset: told(visitor, None, *(values[field] for field in self.settings))}

    def follow(self, event: Any, opened: bool = False) -> Any:
        """Let the preset follow settings that an event moved, and no hand: all of them at once, in an event after it.

        `opened`: the event opens the page, which may move nothing; Auto stays then.
        """
        told = self.told_preset[opened]
        asked = [self.session, self.preset, *self.settings.values()]
        return event.then(told, asked, self.preset, queue=False, **QUIET)


class FaceChoice(gr.CheckboxGroup):
    """The faces to tick. One that is ticked on the page, but was of a photo that is taken away meanwhile, counts no more."""

    def preprocess(self, payload: Any) -> Any:
        """Pass on those that are known."""
        known = [value for _, value in self.choices]
        return [value for value in payload or [] if value in known]

    def get_block_name(self) -> str:
        """Name the component that the browser draws."""
        return "checkboxgroup"


def build_controls(prior: str = "embedded") -> Controls:
    """Lay out the controls in the column being built; presets and their values are those for `prior`."""
    presets = presets_for(prior)
    start = presets[DEFAULT_PRESET].config
    # No callback that cleans: a page that was loaded again has the session of the one before, which Gradio drops earlier.
    session = gr.State(Session())  # for as long as Gradio keeps the visitor's session (`keeping.Forgetting`)
    photo = photo_input(label="Photo", sources=["upload", "clipboard", "webcam"], height=170, elem_id="photo")
    with gr.Row(elem_id="run-buttons"):
        run = gr.Button("Restore", variant="primary", elem_id="run", min_width=80)
        stop = gr.Button("Stop", variant="stop", visible=False, elem_id="stop", min_width=80)
    status = gr.HTML(render_message(CHOOSE), elem_id="status")
    gr.Examples(
        example_photos(), inputs=photo, label="Examples (public domain)", elem_id="examples", api_visibility="private"
    )
    faces = WholeGallery(
        label="Faces found",
        columns=6,
        fit_columns=False,
        object_fit="cover",
        height="auto",
        allow_preview=False,
        visible=False,
        elem_id="faces",
        show_label=False,
        buttons=[],
    )
    chosen = FaceChoice([], label="Faces to restore", visible=False, elem_id="chosen", show_select_all=True)
    settings = {field: setting_control(field, start) for field in MAIN}
    preset = preset_control(presets)
    with gr.Row(equal_height=True, elem_id="seed-row"):
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=MAX_PAGE_SEED, elem_id="seed", scale=3)
        dice = gr.Button("New seed", elem_id="dice", scale=1, min_width=110)
    mode = gr.Radio(
        list(MODES),
        value=next(iter(MODES)),
        label="Mode",
        elem_id="mode",
        info="A simulation reduces the face first, so that the result can be compared with the truth.",
    )
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        live_tau = gr.Checkbox(
            label="Live tau: run again when the split is let go",
            value=False,
            elem_id="live-tau",
            info="Steps above the earlier of the two splits are the same for both, and are not run again.",
        )
        aligned = gr.Checkbox(
            label="The picture is an already aligned face crop",
            value=False,
            elem_id="aligned",
            info="Its central square is used whole; no face is looked for.",
        )
        background = gr.Slider(
            AUTO,
            MOST_ENLARGED,
            AUTO,
            step=1,
            label="Enlarge the photo",
            elem_id="background",
            info=f"{AUTO}: as much as its faces need to keep what they gain. The rest of the photo by Lanczos.",
        )
        method = method_control(
            "Method", "method", "Of the others over the same prior the settings above count little."
        )
        settings |= {field: setting_control(field, start) for field in SETTINGS if field not in MAIN}
    load = gr.UploadButton(
        "Take settings from a file (PNG, JSON, ZIP)",
        file_types=[".png", ".json", ".zip"],
        type="filepath",
        size="sm",
        elem_id="load-settings",
    )
    settings = {field: settings[field] for field in SETTINGS}

    dice.click(on_dice, None, seed, queue=False, **QUIET)
    follow = connect_presets(preset, settings, presets, session)
    return Controls(
        session,
        photo,
        run,
        stop,
        status,
        faces,
        chosen,
        background,
        mode,
        aligned,
        live_tau,
        seed,
        method,
        load,
        preset,
        settings,
        follow,
    )


def method_control(label: str, elem_id: str, info: str | None = None) -> gr.Dropdown:
    """Make a choice of methods, DPI at first."""
    choices = [("DPI", "dpi"), *((name, name) for name in NAMES if name != "dpi")]
    return gr.Dropdown(choices, value="dpi", label=label, elem_id=elem_id, info=info, min_width=120)


def setting_control(field: str, start: DPIConfig) -> gr.Slider | gr.Checkbox:
    """Make the control of a setting from its description."""
    setting, value = SETTINGS[field], getattr(start, field)
    if setting.low is None:
        return gr.Checkbox(value, label=setting.label, info=setting.help, elem_id=field)
    low, high = setting.slider
    return gr.Slider(low, high, value, step=setting.step, label=setting.label, info=setting.help, elem_id=field)


def example_photos() -> list[list[str]]:
    """List the photos that ship with the app, one row each."""
    return [[str(path)] for path in sorted((ASSETS / "examples").iterdir()) if path.suffix in (".jpg", ".png")]
