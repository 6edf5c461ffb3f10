"""The "A/B" tab: two settings, priors or methods on one seed. Photo, face, mode and seed are the page's own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from dpi_core.baselines import NAMES as METHODS
from dpi_core.errors import DPIError
from dpi_core.method.config import DPIConfig
from dpi_core.models.presets import DEFAULT_PRESET, NAMES, presets_for
from dpi_core.restore.request import Request
from dpi_core.web.ab_run import run_ab
from dpi_core.web.ab_settings import ab_plan, in_words, read_stored, side_of, stored
from dpi_core.web.components.data_html import DataHTML
from dpi_core.web.controls import Controls, method_control
from dpi_core.web.engine import Engine
from dpi_core.web.events import FIELDS, QUIET, making_of
from dpi_core.web.links import Linked, one_of, text_that
from dpi_core.web.live import ViewOutcome, render_message
from dpi_core.web.looked_at import first_face
from dpi_core.web.running import Plan, Values, View, connect_run, downloads, plan_html, run_buttons

FIRST = {"A": "published", "B": DEFAULT_PRESET}
TAKEN = "taken"
READY = {
    "state": "ready",
    "line": "The same photo, face and seed twice, with other settings, another prior or another method. Press “Run A and B”.",
}


@dataclass(frozen=True)
class SideControls:
    """The components of a side; `held` keeps its settings as `ab_settings.stored` writes them."""

    preset: gr.Dropdown
    prior: gr.Dropdown
    method: gr.Dropdown
    take: gr.Button
    words: gr.HTML
    held: gr.Textbox

    @property
    def asked(self) -> list[Any]:
        """What its request is made from, in the order of `side_of`."""
        return [self.held, self.prior, self.method]


def ab_tab(engine: Engine, controls: Controls) -> View:
    """Build the tab over the page's shared controls."""
    c = controls
    with gr.Row(elem_classes="dpi-sides"):
        sides = {name: _side(engine, name) for name in FIRST}
    of_sides = {component for side in sides.values() for component in side.asked}
    inputs = {*c.asked, *of_sides}

    def asked(values: Values | None = None) -> list[Request]:
        request = making_of(engine, c.named(values)).request
        request = request.replaced({"face": first_face(request)})
        given = [[x.value if values is None else values[x] for x in side.asked] for side in sides.values()]
        return [side_of(engine, request, *texts) for texts in given]

    def on_plan(values: Values | None = None) -> str:
        return plan_html(lambda: c.which_face(values) + ab_plan(engine, *asked(values)))

    def on_ab(values: Values) -> Iterator[Any]:
        yield from run_ab(engine, values[c.session], values[c.photo], *asked(values))

    def finished(done: ViewOutcome) -> dict[Any, Any]:
        return {view: done.view, files: gr.File(done.files, visible=True)}

    with gr.Row(elem_classes="dpi-asked"):
        plan = gr.HTML(on_plan(), elem_id="ab-plan")
        with gr.Column(scale=0, min_width=260):
            buttons = run_buttons("Run A and B", "ab-")
    view = DataHTML(READY, files="side_by_side", elem_id="ab-view")
    files = downloads("Download: both results and their figures", "ab-files")
    line = Plan(on_plan, {*c.planned, *of_sides}, plan, frozenset(of_sides))
    for name, side in sides.items():
        held = _connect_side(engine, c, name, side)
        held.then(on_plan, line.inputs, plan, queue=False, trigger_mode="always_last", **QUIET)
    hidden = {files: gr.update(visible=False)}
    connect_run("ab", buttons, c.session, c.photo, view, on_ab, finished, inputs, hidden, line)
    own = engine.settings.prior
    small = {name: name.lower() for name in sides}
    linked = [
        *(Linked(small[n], side.held, text_that(lambda text: read_stored(text, own))) for n, side in sides.items()),
        *(Linked(f"prior_{small[n]}", side.prior, text_that(engine.checked_prior)) for n, side in sides.items()),
        *(Linked(f"method_{small[n]}", s.method, one_of(f"method_{small[n]}", METHODS)) for n, s in sides.items()),
    ]
    return View(linked, line, {view: READY, **hidden})


def _connect_side(engine: Engine, c: Controls, name: str, side: SideControls) -> Any:
    """Connect a side's controls with one another; returns the event after which they say the same."""

    def on_preset(values: Values) -> dict[Any, Any]:
        choice = values[side.preset]
        return {side.held: choice} if choice in NAMES else on_take(values)

    def on_take(values: Values) -> dict[Any, Any]:
        try:
            held = taken(c.named(values), values[side.prior])
        except DPIError as error:
            return {side.words: render_message(f"{name} stays as it was: {error}", "error")}
        return {side.held: held, side.method: values[c.method]}

    inputs = {*c.asked, side.preset, side.prior}
    side.preset.input(on_preset, inputs, [side.held, side.method, side.words], queue=False, **QUIET)
    side.take.click(on_take, inputs, [side.held, side.method, side.words], queue=False, **QUIET)
    return gr.on(
        [component.change for component in side.asked],
        lambda *asked: on_held(engine, name, *asked),
        side.asked,
        [side.preset, side.words],
        queue=False,
        trigger_mode="always_last",
        **QUIET,
    )


def _side(engine: Engine, name: str) -> SideControls:
    small, own = name.lower(), engine.settings.prior
    config = read_stored(FIRST[name], own)
    text = stored(config, own)
    names = list(dict.fromkeys([*presets_for("embedded"), *presets_for("")]))
    with gr.Column(min_width=240):
        with gr.Row(elem_classes="dpi-asked"):
            preset = gr.Dropdown(
                [*((preset.capitalize(), preset) for preset in names), ("As taken from the page", TAKEN)],
                value=text,
                label=f"Preset of {name}",
                elem_id=f"ab-preset-{small}",
                min_width=120,
            )
            prior = gr.Dropdown(
                list(engine.priors),
                value=own,
                label=f"Prior of {name}"
                + (" (or a folder, or a model of the hub)" if engine.settings.any_prior else ""),
                allow_custom_value=engine.settings.any_prior,
                elem_id=f"ab-prior-{small}",
                min_width=120,
            )
            method = method_control(f"Method of {name}", f"ab-method-{small}")
        with gr.Row(elem_classes="dpi-asked"):
            words = gr.HTML(words_html(config), elem_id=f"ab-words-{small}")
            take = gr.Button(
                f"Take the page's settings as {name}", elem_id=f"ab-take-{small}", size="sm", scale=0, min_width=190
            )
        held = gr.Textbox(text, label=f"Settings of {name}", visible="hidden", elem_id=f"ab-held-{small}")
    return SideControls(preset, prior, method, take, words, held)


def words_html(config: DPIConfig, method: str = "dpi") -> str:
    """Say a side's settings in words, as HTML."""
    return f'<p class="dpi-plan" role="status">{escape(in_words(config, method))}</p>'


def taken(named: Mapping[str, Any], prior: str) -> str:
    """Write the page's settings, by name, as a side with this prior keeps them."""
    return stored(DPIConfig.from_dict({field: named[field] for field in FIELDS}), prior)


def on_held(engine: Engine, name: str, held: str, prior: str, method: str) -> tuple:
    """Answer a change of a side's settings, prior or method: its preset and its words."""
    try:
        config = read_stored(held, engine.checked_prior(prior))
    except DPIError as error:
        return gr.skip(), render_message(f"{name}: {error}", "error")
    return (TAKEN if held.startswith("{") else held), words_html(config, method)
