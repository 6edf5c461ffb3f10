"""The "Compare seeds" tab: its controls and what they call. Photo, face, mode and settings are the page's own."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import gradio as gr

from dpi_core.errors import DPIError
from dpi_core.restore.request import read_request
from dpi_core.web.controls import QUIET, Controls, Plan, View
from dpi_core.web.engine import Engine
from dpi_core.web.events import FIELDS, giving_back
from dpi_core.web.links import Linked, number, text_that
from dpi_core.web.live import render_message
from dpi_core.web.running import connect_run, downloads, keep_told, run_buttons
from dpi_core.web.seeds_run import (
    MAX_SEEDS,
    MIN_SEEDS,
    ComparisonOutcome,
    compare_plan,
    parse_seeds,
    redrawn,
    run_comparison,
)
from dpi_core.web.session import Session
from dpi_core.web.trajectory import MAX_EVENTS

FIRST_SEEDS = "0-3"
SCRIPT = Path(__file__).with_name("seeds.js")


def compare_tab(engine: Engine, controls: Controls) -> View:
    """Build the tab over the page's shared controls."""
    with gr.Row(equal_height=True):
        seeds = gr.Textbox(
            FIRST_SEEDS, label="Seeds", elem_id="seeds", scale=3, info=f"2 to {MAX_SEEDS}, such as 0-7 or 3, 14, 15"
        )
        pick = gr.Slider(
            0, MAX_SEEDS, 2, step=1, label="Most different", elem_id="pick", scale=2, info="Marked; below 2 none"
        )
    branch = gr.Slider(
        0,
        MAX_EVENTS,
        0,
        step=1,
        label="Branch after step",
        elem_id="branch",
        info="0: each seed starts from its own noise. Higher: they share the last restoration down to that step and part "
        "there. What still differs comes from RACM, or with eta above 0 from fresh noise.",
    )
    go, redraw, stop = run_buttons("Compare", "compare-", ("Re-draw seeds", "redraw"))
    keep = gr.CheckboxGroup([], label="Keep these when re-drawing", visible=False, elem_id="keep")
    plan = gr.HTML(compare_plan(engine, FIRST_SEEDS, {}), elem_id="compare-plan")
    grid = gr.HTML(
        render_message("Each seed is another plausible face. Choose a photo and press “Compare”."),
        elem_id="grid",
        js_on_load=SCRIPT.read_text(),
    )
    summary = gr.HTML(elem_id="compare-summary")
    files = downloads("Download: all results, a contact sheet and the settings", "compare-files")

    c, values = controls, list(controls.settings.values())
    told = Plan(partial(on_plan, engine), [seeds, *values], plan)
    keep_told(told)
    c.load.upload(on_load_seeds, [c.load], [seeds, branch], queue=False, **QUIET)
    redraw.click(on_redraw, [seeds, keep], [seeds, plan], queue=False, **QUIET)
    run, asked = partial(on_compare, engine), [c.photo, c.mode, c.aligned, seeds, pick, branch, *values]
    ran = connect_run(go, stop, c.session, run, asked, [grid, summary, files, keep], plan)
    ran.then(told.make, told.inputs, plan, queue=False, **QUIET)
    linked = [
        Linked("seeds", seeds, text_that(parse_seeds)),
        Linked("pick", pick, number("pick", 0, MAX_SEEDS)),
        Linked("branch", branch, number("branch", 0, MAX_EVENTS)),
    ]
    return View(linked, told)


def on_plan(engine: Engine, seeds: str, *values) -> str:
    """Seeds or settings changed: say what a comparison would cost."""
    return compare_plan(engine, seeds, dict(zip(FIELDS, values, strict=True)))


def on_load_seeds(path: str | None) -> tuple:
    """The seeds of a comparison's file and the step they part after; a single result leaves both fields alone."""
    try:
        recipe = read_request(path) if path else None
    except DPIError:
        recipe = None  # the page's status line says what is wrong with the file
    if recipe is None or not MIN_SEEDS <= len(recipe.seeds) <= MAX_SEEDS:
        return gr.skip(), gr.skip()
    return ", ".join(map(str, recipe.seeds)), recipe.branch.step if recipe.branch else 0


def on_redraw(seeds: str, kept: list[str]) -> tuple:
    """New seeds for those that are not kept."""
    try:
        return redrawn(seeds, kept), gr.skip()
    except DPIError as error:
        return gr.skip(), render_message(str(error), "error")


def on_compare(
    engine: Engine, session: Session, photo, mode, aligned, seeds: str, pick: int, branch: int, *values
) -> Iterator[tuple]:
    """Stream a comparison to the grid, and at its end to summary, files and the seeds that can be kept."""
    skip = gr.skip()
    settings = dict(zip(FIELDS, values, strict=True))
    yield from giving_back(
        (item.html, item.summary, gr.File(item.files, visible=True), _to_keep(seeds))
        if isinstance(item, ComparisonOutcome)
        else (item, skip, skip, skip)
        for item in run_comparison(engine, session, photo, mode, aligned, seeds, int(pick), int(branch), settings)
    )


def _to_keep(seeds: str) -> gr.CheckboxGroup:
    return gr.CheckboxGroup([str(seed) for seed in parse_seeds(seeds)], value=[], visible=True)
