"""What all views of the page share: the photo, its faces, the mode and the settings, and the events among them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from dpi_core.method.config import MAX_SPARSITY, MAX_STEPS, MAX_TAU, DPIConfig
from dpi_core.models.presets import DEFAULT_PRESET, Preset, presets_for
from dpi_core.web.events import (
    FIELDS,
    MAX_PAGE_SEED,
    on_dice,
    on_follow,
    on_preset,
    preset_text,
)
from dpi_core.web.links import Linked
from dpi_core.web.photo_input import photo_input
from dpi_core.web.restore_run import MODES
from dpi_core.web.session import KEEP_SECONDS, Session
from dpi_core.weights.embedded_files import ASSETS

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Events of the page: no overlay that flickers over a streaming picture, and no endpoint of their own."""


@dataclass(frozen=True)
class Controls:
    """The shared components; `settings` has one for each field of a config, in the order of `events.FIELDS`."""

    session: gr.State
    photo: gr.Image
    faces: gr.Gallery
    chosen: gr.CheckboxGroup
    background: gr.Slider
    mode: gr.Radio
    aligned: gr.Checkbox
    seed: gr.Number
    load: gr.UploadButton
    preset: gr.Radio
    settings: dict[str, Any]

    @property
    def config(self) -> DPIConfig:
        """The settings the page starts with."""
        return DPIConfig.from_dict({field: control.value for field, control in self.settings.items()})


@dataclass(frozen=True)
class Plan:
    """A line that says what a run would do and cost: how it is made, from what, and where it stands."""

    make: Callable[..., str]
    inputs: Sequence[Any]
    line: gr.HTML


@dataclass(frozen=True)
class View:
    """What a tab leaves to the page: its controls that belong in the address, and its plan."""

    linked: Sequence[Linked]
    plan: Plan


def build_controls(prior: str = "embedded") -> Controls:
    """Lay out the controls in the column being built; presets and their values are those for `prior`."""
    presets = presets_for(prior)
    start = presets[DEFAULT_PRESET].config
    session = gr.State(Session(), time_to_live=KEEP_SECONDS, delete_callback=Session.clean)
    photo = photo_input(label="Photo", sources=["upload", "clipboard", "webcam"], height=300, elem_id="photo")
    gr.Examples(
        example_photos(), inputs=photo, label="Examples (public domain)", elem_id="examples", api_visibility="private"
    )
    faces = gr.Gallery(
        label="Faces found",
        columns=6,
        fit_columns=False,
        object_fit="cover",
        height="auto",
        allow_preview=False,
        visible=False,
        elem_id="faces",
        show_label=True,
        buttons=[],
    )
    chosen = gr.CheckboxGroup(
        [],
        label="Faces to restore",
        visible=False,
        elem_id="chosen",
        show_select_all=True,
        info="Faces that are sharp already would lose detail. The seed and A/B views show the largest one chosen.",
    )
    mode = gr.Radio(
        list(MODES),
        value="The photo as it is",
        label="Mode",
        elem_id="mode",
        info="A simulation reduces the face first, so that the result can be compared with the truth.",
    )
    preset = gr.Radio(
        [(name.capitalize(), name) for name in presets],
        value=DEFAULT_PRESET,
        label="Preset",
        info=preset_text(DEFAULT_PRESET, presets),
        elem_id="preset",
    )
    tau = gr.Slider(
        0,
        MAX_TAU,
        start.tau,
        step=10,
        label="Stage split tau",
        elem_id="tau",
        info="FCM while t > tau, RACM below. Higher: more freedom for the prior. 0: FCM to the end.",
    )
    sparsity = gr.Slider(
        1,
        MAX_SPARSITY,
        start.sparsity,
        step=1,
        label="Mask sparsity k",
        elem_id="sparsity",
        info="One condition pixel in every k x k. Higher: fewer pixels held; above 2 likeness suffers.",
    )
    with gr.Row(equal_height=True):
        seed = gr.Number(
            0,
            label="Seed",
            precision=0,
            minimum=0,
            maximum=MAX_PAGE_SEED,
            elem_id="seed",
            scale=3,
            info="The same seed and settings give the same face.",
        )
        dice = gr.Button("New seed", elem_id="dice", scale=1, min_width=110)
    load = gr.UploadButton(
        "Take settings from a file (PNG, JSON, ZIP)",
        file_types=[".png", ".json", ".zip"],
        type="filepath",
        size="sm",
        elem_id="load-settings",
    )
    with gr.Accordion("Advanced", open=False):
        aligned = gr.Checkbox(
            label="The picture is an already aligned face crop",
            value=False,
            elem_id="aligned",
            info="Its central square is used whole; no face is looked for.",
        )
        background = gr.Slider(
            1,
            4,
            1,
            step=1,
            label="Enlarge the photo",
            elem_id="background",
            info="The rest of the photo by Lanczos, the faces pasted back at that size.",
        )
        advanced = _advanced(start)
    settings = {field: {"tau": tau, "sparsity": sparsity, **advanced}[field] for field in FIELDS}

    dice.click(on_dice, None, seed, queue=False, **QUIET)
    connect_presets(preset, settings, presets)
    return Controls(session, photo, faces, chosen, background, mode, aligned, seed, load, preset, settings)


def connect_presets(preset: gr.Radio, settings: dict[str, Any], presets: dict[str, Preset]) -> None:
    """A preset moves the controls; controls that are moved away from it deselect it."""
    values = list(settings.values())
    preset.input(partial(on_preset, presets), preset, [*values, preset], queue=False, **QUIET)
    gr.on(
        [control.change for control in values],
        partial(on_follow, presets),
        values,
        preset,
        queue=False,
        trigger_mode="always_last",
        **QUIET,
    )


def _advanced(start: DPIConfig) -> dict[str, Any]:
    return {
        "steps": gr.Slider(
            1,
            250,
            start.steps,
            step=1,
            label="Steps",
            elem_id="steps",
            info=f"More: finer and closer to the input, but slower. The API takes up to {MAX_STEPS}.",
        ),
        "edge_exponent": gr.Slider(
            0.1,
            10,
            start.edge_exponent,
            step=0.1,
            label="Edge exponent s",
            info="RACM keeps an edge pixel with probability edge^s. Higher: only the strongest edges.",
        ),
        "omega": gr.Slider(
            250,
            5000,
            start.omega,
            step=50,
            label="Condition weight omega",
            info="In RACM the condition weighs t / omega. Higher: trust the prior more.",
        ),
        "eta": gr.Slider(
            0,
            1,
            start.eta,
            step=0.05,
            label="Noise eta",
            info="0: deterministic DDIM. 1: fresh noise each step.",
        ),
        "correct": gr.Checkbox(label="Correct the condition (CRT)", value=start.correct),
        "raw_eps": gr.Checkbox(label="Noise the condition with the raw eps", value=start.raw_eps),
        "project": gr.Checkbox(
            label="Make the result agree with the input exactly",
            value=start.project,
            info="A last, smooth change after sampling: reduced, the result is the input again. Its noise too.",
        ),
        "correct_every": gr.Slider(
            1,
            10,
            start.correct_every,
            step=1,
            label="Ask the CRT every .. steps",
            info="More: quicker. Its last answer is kept in between. 1: as published.",
        ),
    }


def example_photos() -> list[list[str]]:
    """The photos that ship with the app, one row each."""
    return [[str(path)] for path in sorted((ASSETS / "examples").iterdir()) if path.suffix in (".jpg", ".png")]
