"""The "Compare seeds" tab: its controls and what they call. Photo, face and mode are the page's own."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import gradio as gr

from dpi_core.errors import DPIError
from dpi_core.models.presets import VARIETY_PRESET, find_preset
from dpi_core.restore.request import Request, read_request
from dpi_core.web.components.data_html import DataHTML
from dpi_core.web.controls import Controls
from dpi_core.web.engine import Engine
from dpi_core.web.events import MAX_PAGE_SEED, QUIET, making_of
from dpi_core.web.links import Linked, number, one_of, text_that
from dpi_core.web.live import ViewOutcome, render_message
from dpi_core.web.looked_at import first_face
from dpi_core.web.running import Plan, Values, View, connect_run, plan_html, run_buttons
from dpi_core.web.seeds_run import MAX_SEEDS, MIN_SEEDS, compare_plan, parse_seeds, redrawn, run_comparison
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making
from dpi_core.web.trajectory import MAX_EVENTS

FIRST_SEEDS = "0-3"
READY = {"state": "ready", "line": "Each seed is another plausible face."}
VARIETY, PAGE = "variety", "page"
RUN = """() => document.querySelector("#compare-run").click()"""


def compare_tab(engine: Engine, controls: Controls) -> View:
    """Build the tab over the page's shared controls."""
    c = controls
    with gr.Row(equal_height=True, elem_classes="dpi-asked", elem_id="compare-controls"):
        seeds = gr.Textbox(
            FIRST_SEEDS,
            label="Seeds",
            elem_id="seeds",
            scale=2,
            min_width=120,
            info=f"2 to {MAX_SEEDS}: 0-7 or 3, 14, 15",
        )
        settings = gr.Radio(
            [("For variety", VARIETY), ("The page's settings", PAGE)],
            value=VARIETY,
            label="Settings",
            elem_id="compare-settings",
            scale=3,
            min_width=240,
        )
        with gr.Column(scale=2, min_width=200):
            buttons = run_buttons("Compare", "compare-", ("New seeds", "redraw"))
    inputs = {*c.asked, seeds, settings}

    def asked(values: Values | None = None) -> Making:
        text, which = (x.value if values is None else values[x] for x in (seeds, settings))
        made = making_of(engine, c.named(values))
        return Making(made.photo, compared(made.request, text, which))

    def on_plan(values: Values | None = None) -> str:
        return plan_html(lambda: c.which_face(values) + compare_plan(engine, asked(values).request))

    def on_compare(values: Values) -> Iterator[Any]:
        yield from run_comparison(engine, values[c.session], asked(values), int(values[pick]), int(values[branch]))

    def finished(done: ViewOutcome) -> dict[Any, Any]:
        kept = gr.CheckboxGroup(done.view["seeds"], value=[], visible=True)
        return {view: done.view, bundle: gr.DownloadButton(value=done.files[0], visible=True), keep: kept}

    plan = gr.HTML(on_plan(), elem_id="compare-plan")
    view = DataHTML(READY, files="funnel", elem_id="grid")
    with gr.Row():
        bundle = gr.DownloadButton("Download everything (ZIP)", visible=False, elem_id="compare-files")
    keep = gr.CheckboxGroup([], label="Keep these when new seeds are drawn", visible=False, elem_id="keep")
    with gr.Accordion("More", open=False):
        branch = gr.Slider(
            0,
            MAX_EVENTS,
            0,
            step=1,
            label="Part after step",
            elem_id="branch",
            info="0: each seed starts from its own noise. Higher: with the page's settings, they share the last restoration "
            "down to that step and part there. What still differs comes from RACM, or with eta above 0 from fresh noise.",
        )
        pick = gr.Slider(
            0, MAX_SEEDS, 2, step=1, label="Mark the most different", elem_id="pick", info="So many; below 2 none."
        )

    line = Plan(on_plan, {*c.planned, seeds, settings}, plan)
    c.load.upload(on_load_seeds, [c.load], [seeds, branch, settings], queue=False, **QUIET)
    redraw = buttons[1].click(on_redraw, [seeds, keep], [seeds], queue=False, **QUIET)
    redraw.then(None, None, None, js=RUN, queue=False, **QUIET)
    branch.input(lambda: PAGE, None, settings, queue=False, **QUIET)
    again = view.variety(lambda: (VARIETY, 0), None, [settings, branch], queue=False, **QUIET)
    again.then(None, None, None, js=RUN, queue=False, **QUIET)

    def on_choose(visitor: Session, event: gr.EventData) -> dict[Any, Any]:
        values, line = chosen(event.seed, event.config)
        return {**c.brought(visitor, values), c.status: line}

    view.choose(on_choose, [c.session], [c.seed, *c.settings.values(), c.preset, c.status], queue=False, **QUIET)
    hidden = {bundle: gr.update(visible=False), keep: gr.update(visible=False)}
    connect_run(
        "compare", buttons, c.session, c.photo, view, on_compare, finished, {*inputs, pick, branch}, hidden, line
    )
    linked = [
        Linked("seeds", seeds, text_that(parse_seeds)),
        Linked("with", settings, one_of("with", (VARIETY, PAGE))),
        Linked("pick", pick, number("pick", 0, MAX_SEEDS)),
        Linked("branch", branch, number("branch", 0, MAX_EVENTS)),
    ]
    return View(linked, line, {view: READY, **hidden})


def compared(request: Request, seeds: str, settings: str) -> Request:
    """Make what a comparison asks of the page's request: other seeds, and its settings or those of the preset for variety."""
    values: dict[str, Any] = {"seeds": parse_seeds(seeds), "face": first_face(request)}
    if settings == VARIETY:
        values["config"] = find_preset(VARIETY_PRESET, request.prior).config
    return request.replaced(values)


def on_load_seeds(path: str | None) -> tuple:
    """Take a comparison's seeds, and the step they part after, from its file; one result leaves all fields alone."""
    try:
        request = read_request(path) if path else None
    except DPIError:
        request = None  # the page's status line says what is wrong with the file
    if request is None or not MIN_SEEDS <= len(request.seeds) <= MAX_SEEDS:
        return gr.skip(), gr.skip(), gr.skip()
    return ", ".join(map(str, request.seeds)), request.branch.step if request.branch else 0, PAGE


def on_redraw(seeds: str, kept: list[str]) -> str:
    """Draw new seeds for those that are not kept; what are no seeds stay as they are, for the run to say so."""
    try:
        return redrawn(seeds, kept)
    except DPIError:
        return seeds


def chosen(text: Any, values: Any) -> tuple[dict[str, Any], str]:
    """Make the seed and settings of a face the page's own: by their controls' names, and a line on it (HTML)."""
    try:
        request = Request().replaced({"seeds": [int(text)], "config": values})
    except (DPIError, ValueError, TypeError) as error:
        return {}, render_message(str(error), "error")
    (seed,) = request.seeds
    if seed > MAX_PAGE_SEED:
        line = f"Seed {seed} has more digits than the page's field keeps; it can be used from Python and the shell."
        return {}, render_message(line, "error")
    line = f"The page's seed is {seed} now, with the settings of the comparison."
    return {"seed": seed, **asdict(request.config)}, render_message(line)
