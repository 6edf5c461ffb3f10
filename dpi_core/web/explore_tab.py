"""The "Explore" tab: a grid over two settings. Photo, face, mode, seed and all other settings are the page's own."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import gradio as gr

from dpi_core.errors import DPIError
from dpi_core.method.config import MAX_SEED, SETTINGS, DPIConfig, check_int
from dpi_core.web.axes import AXES, MAX_CELLS, Grid, first_values, plan_grid
from dpi_core.web.checks import whole_number
from dpi_core.web.components.data_html import DataHTML
from dpi_core.web.controls import Controls
from dpi_core.web.engine import Engine
from dpi_core.web.events import QUIET, making_of
from dpi_core.web.explore_run import MAX_SEEDS, explore_plan, run_exploration
from dpi_core.web.links import Linked, number, one_of, text_that
from dpi_core.web.live import ViewOutcome, render_message
from dpi_core.web.looked_at import first_face
from dpi_core.web.running import Plan, Values, View, connect_run, downloads, plan_html, run_buttons
from dpi_core.web.session import Session

FIRST_AXES = {"x": "tau", "y": "sparsity"}
READY = {
    "state": "ready",
    "line": "Each cell is one run. Choose a photo, two settings and their values, and press “Explore”.",
}


def explore_tab(engine: Engine, controls: Controls) -> View:
    """Build the tab over the page's shared controls."""
    c = controls
    with gr.Row(equal_height=True, elem_classes="dpi-asked"):
        axes = _axis("Across", "x") | _axis("Down", "y")
        count = gr.Number(
            1, precision=0, minimum=1, maximum=MAX_SEEDS, label="Seeds", elem_id="explore-seeds", min_width=90
        )
        with gr.Column(scale=1, min_width=110):
            buttons = run_buttons("Explore", "explore-")
    axes["count"] = count
    inputs = {*c.asked, *axes.values()}

    def grid_of(values: Values | None = None) -> Grid:
        given = {name: component.value if values is None else values[component] for name, component in axes.items()}
        return asked_grid(engine, c.named(values), given)

    def on_plan(values: Values | None = None) -> str:
        return plan_html(lambda: c.which_face(values) + explore_plan(engine, grid_of(values)))

    def on_explore(values: Values) -> Iterator[Any]:
        yield from run_exploration(engine, values[c.session], values[c.photo], grid_of(values))

    def finished(done: ViewOutcome) -> dict[Any, Any]:
        return {view: done.view, files: gr.File(done.files, visible=True)}

    def on_use(visitor: Session, event: gr.EventData) -> dict[Any, Any]:
        values, line = used(event.config)
        return {**c.brought(visitor, values), c.status: line}

    plan = gr.HTML(on_plan(), elem_id="explore-plan")
    view = DataHTML(READY, files="settings_grid", elem_id="explore-grid")
    files = downloads("Download: contact sheet, and all settings and figures", "explore-files")
    _follow_page(c, axes)
    line = Plan(on_plan, {*c.planned, *axes.values()}, plan)
    hidden = {files: gr.update(visible=False)}
    connect_run("explore", buttons, c.session, c.photo, view, on_explore, finished, inputs, hidden, line)
    view.use(on_use, [c.session], [*c.settings.values(), c.preset, c.status], queue=False, **QUIET)
    linked = [
        Linked("x", axes["x"], one_of("x", AXES)),
        Linked("across", axes["x_values"], text_that(_values)),
        Linked("y", axes["y"], one_of("y", AXES)),
        Linked("down", axes["y_values"], text_that(_values)),
        Linked("cell_seeds", count, number("cell_seeds", 1, MAX_SEEDS)),
    ]
    return View(linked, line, {view: READY, **hidden})


def _follow_page(c: Controls, axes: Mapping[str, Any]) -> None:
    """Let the values of each axis begin with the page's own, for as long as nobody writes others."""
    boxes = {axis: axes[f"{axis}_values"] for axis in FIRST_AXES}
    given = gr.State({axis: box.value for axis, box in boxes.items()})

    def follow(values: Values, moved: str = "") -> dict[Any, Any]:
        texts = dict(values[given])
        for axis, box in boxes.items():
            if axis == moved or values[box] == texts[axis]:
                field = values[axes[axis]]
                texts[axis] = first_values(field, values[c.settings[field]])
        changed = {
            box: texts[axis] for axis, box in boxes.items() if texts[axis] != values[given][axis] or axis == moved
        }
        return {given: texts, **changed}

    inputs = {given, *boxes.values(), *(axes[axis] for axis in FIRST_AXES), *(c.settings[field] for field in AXES)}
    outputs, changes = [given, *boxes.values()], [c.settings[field].change for field in AXES]
    gr.on(changes, follow, inputs, outputs, queue=False, trigger_mode="multiple", **QUIET)
    for axis in FIRST_AXES:
        axes[axis].input(partial(follow, moved=axis), inputs, outputs, queue=False, **QUIET)


def _values(text: str) -> None:
    """Check that these are numbers at all; the plan says what is wrong with values that do not fit their setting."""
    if not re.fullmatch(r"[\d\s,;.+-]{1,200}", text):
        raise DPIError(f"the values are {text!r} in the address; allowed are numbers with commas between.")


def _axis(label: str, name: str) -> dict[str, Any]:
    field = FIRST_AXES[name]
    choices = [(SETTINGS[axis].label, axis) for axis in AXES]
    setting = gr.Dropdown(choices, value=field, label=label, elem_id=f"explore-{name}", scale=2, min_width=140)
    values = gr.Textbox(
        first_values(field),
        label=f"Values {label.lower()}",
        elem_id=f"explore-{name}-values",
        scale=2,
        min_width=130,
        placeholder=f"with commas; at most {MAX_CELLS} cells",
    )
    return {name: setting, f"{name}_values": values}


def asked_grid(engine: Engine, named: Mapping[str, Any], axes: Mapping[str, Any]) -> Grid:
    """Plan the grid that is asked for: the page's settings by name, the axes, and as many seeds a cell, from the page's on."""
    request, count = making_of(engine, named).request, whole_number("seeds per cell", axes["count"])
    check_int("seeds per cell", count, 1, MAX_SEEDS)
    check_int("seed", request.seeds[0], 0, MAX_SEED - count)
    seeds = range(request.seeds[0], request.seeds[0] + count)
    request = request.replaced({"seeds": seeds, "face": first_face(request)})
    return plan_grid(request, axes["x"], axes["x_values"], axes["y"], axes["y_values"])


def used(values: Any) -> tuple[dict[str, Any], str]:
    """Make a cell's settings the page's own: by their controls' names, and a line on it (HTML)."""
    try:
        config = DPIConfig.from_dict(values)
    except DPIError as error:
        return {}, render_message(str(error), "error")
    text = f"The page's settings are now tau {config.tau}, k {config.sparsity}, {config.steps} steps"
    text += f", omega {config.omega:g}, s {config.edge_exponent:g}, eta {config.eta:g}."
    return asdict(config), render_message(text)
