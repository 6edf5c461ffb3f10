"""The "Explore" tab: a grid over two settings. Photo, face, mode, seed and all other settings are the page's own."""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import gradio as gr

from dpi_core.errors import DPIError
from dpi_core.method.config import SETTINGS, DPIConfig
from dpi_core.web.axes import AXES, MAX_CELLS, first_values
from dpi_core.web.controls import QUIET, Controls, Plan, View
from dpi_core.web.engine import Engine
from dpi_core.web.events import FIELDS, giving_back
from dpi_core.web.explore_run import MAX_SEEDS, ExploreUpdate, Exploring, explore_plan, run_exploration
from dpi_core.web.links import Linked, number, one_of, text_that
from dpi_core.web.live import render_message
from dpi_core.web.running import connect_run, downloads, keep_told, run_buttons
from dpi_core.web.session import Session

FIRST_AXES = ("tau", "sparsity")
SCRIPT = Path(__file__).with_name("explore.js")
CHOSEN_CELL = """() => [document.querySelector("#explore-grid .dpi-cell input:checked")?.value ?? ""]"""


def explore_tab(engine: Engine, controls: Controls) -> View:
    """Build the tab over the page's shared controls."""
    x, columns = _axis("Across", "x", FIRST_AXES[0])
    y, rows = _axis("Down", "y", FIRST_AXES[1])
    count = gr.Slider(
        1,
        MAX_SEEDS,
        1,
        step=1,
        label="Seeds per cell",
        elem_id="explore-seeds",
        info="From the page's seed on, in one batch. With several, figures are means, and diversity is measured.",
    )
    go, stop = run_buttons("Explore", "explore-")
    plan = gr.HTML(elem_id="explore-plan")
    progress = gr.HTML(
        render_message("Each cell is one run. Choose a photo, two settings and their values, and press “Explore”."),
        elem_id="explore-progress",
    )
    grid = gr.HTML(elem_id="explore-grid", js_on_load=SCRIPT.read_text())
    use = gr.Button("Use these settings", visible=False, elem_id="explore-use")
    note = gr.HTML(elem_id="explore-note")
    maps = gr.HTML(elem_id="explore-maps")
    files = downloads("Download: contact sheet, and all settings and figures", "explore-files")
    chosen = gr.Textbox(visible=False)

    c, values = controls, list(controls.settings.values())
    asked = [x, columns, y, rows, count, c.seed, *values]
    plan.value = explore_plan(engine, _exploring(*(component.value for component in asked)))
    for axis, text in ((x, columns), (y, rows)):
        axis.input(on_axis, axis, text, queue=False, **QUIET)
    told = Plan(partial(on_plan, engine), asked, plan)
    keep_told(told)
    shown = [progress, grid, maps, files, use, note]
    ran = connect_run(
        go, stop, c.session, partial(on_explore, engine), [c.photo, c.mode, c.aligned, *asked], shown, plan
    )
    ran.then(told.make, asked, plan, queue=False, **QUIET)
    use.click(on_use, [chosen], [*values, note], js=CHOSEN_CELL, queue=False, **QUIET)
    linked = [
        Linked("x", x, one_of("x", AXES)),
        Linked("across", columns, text_that(_values)),
        Linked("y", y, one_of("y", AXES)),
        Linked("down", rows, text_that(_values)),
        Linked("cell_seeds", count, number("cell_seeds", 1, MAX_SEEDS)),
    ]
    return View(linked, told)


def _values(text: str) -> None:
    """Check that these are numbers at all; the plan says what is wrong with values that do not fit their setting."""
    if not re.fullmatch(r"[\d\s,;.+-]{1,200}", text):
        raise DPIError(f"the values are {text!r} in the address; allowed are numbers with commas between.")


def _axis(label: str, name: str, field: str) -> tuple[gr.Dropdown, gr.Textbox]:
    with gr.Row(equal_height=True):
        choices = [(SETTINGS[name].label, name) for name in AXES]
        setting = gr.Dropdown(choices, value=field, label=label, elem_id=f"explore-{name}", scale=2, min_width=200)
        text = gr.Textbox(
            first_values(field),
            label=f"Values {label.lower()}",
            elem_id=f"explore-{name}-values",
            scale=3,
            min_width=200,
            info=f"With commas between; at most {MAX_CELLS} cells" if name == "x" else None,
        )
    return setting, text


def _exploring(x, columns, y, rows, count, seed, *values) -> Exploring:
    return Exploring(x, columns, y, rows, dict(zip(FIELDS, values, strict=True)), seed, int(count))


def on_axis(field: str) -> str:
    """Return values to start with for the setting that was chosen."""
    return first_values(field)


def on_plan(engine: Engine, *asked) -> str:
    """Say what the grid would cost, now that something was changed."""
    return explore_plan(engine, _exploring(*asked))


def on_explore(engine: Engine, session: Session, photo, mode, aligned, *asked) -> Iterator[tuple]:
    """Stream a grid to progress, pictures, maps and files; the button to take settings comes with the first picture."""
    updates = run_exploration(engine, session, photo, mode, aligned, _exploring(*asked))
    yield from giving_back(_row(update) for update in updates)


def _row(update: ExploreUpdate) -> tuple:
    skip = gr.skip()
    shown = [skip if value is None else value for value in (update.progress, update.grid, update.maps)]
    files = skip if update.files is None else gr.File(update.files, visible=True)
    use = gr.Button(visible=True) if update.maps else skip
    return *shown, files, use, "" if update.maps == "" else skip


def on_use(chosen: str) -> tuple:
    """Make a cell's settings the page's own; `chosen` is their JSON."""
    try:
        config = DPIConfig.from_dict(json.loads(chosen)) if chosen else None
    except (ValueError, TypeError):
        config = None
    if config is None:
        return *[gr.skip()] * len(FIELDS), render_message("Choose a cell of the grid first.", "error")
    text = f"The page's settings are now tau {config.tau}, k {config.sparsity}, {config.steps} steps"
    text += f", omega {config.omega:g}, s {config.edge_exponent:g}, eta {config.eta:g}."
    return *(getattr(config, field) for field in FIELDS), render_message(text)
