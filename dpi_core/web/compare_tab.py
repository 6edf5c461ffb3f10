"""The "Compare seeds" tab: its controls and what they call. Photo, face and mode are the page's own."""

from collections.abc import Iterator
from functools import partial

import gradio as gr

from dpi_core.errors import DPIError
from dpi_core.method.config import DPIConfig
from dpi_core.models.presets import VARIETY_PRESET, find_preset
from dpi_core.restore.request import read_request
from dpi_core.web.components.funnel import Funnel
from dpi_core.web.controls import QUIET, Controls, Plan, View
from dpi_core.web.engine import Engine
from dpi_core.web.events import FIELDS, MAX_PAGE_SEED, giving_back, queued
from dpi_core.web.links import Linked, number, one_of, text_that
from dpi_core.web.live import render_message
from dpi_core.web.running import connect_run, keep_told, run_buttons
from dpi_core.web.seeds_run import (
    MAX_SEEDS,
    MIN_SEEDS,
    Comparing,
    ComparisonOutcome,
    compare_plan,
    parse_seeds,
    redrawn,
    run_comparison,
)
from dpi_core.web.session import Session
from dpi_core.web.trajectory import MAX_EVENTS

FIRST_SEEDS = "0-3"
VARIETY, PAGE = "variety", "page"


def compare_tab(engine: Engine, controls: Controls) -> View:
    """Build the tab over the page's shared controls."""
    with gr.Row(equal_height=True, elem_id="compare-controls"):
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
            go, redraw, stop = run_buttons("Compare", "compare-", ("New seeds", "redraw"))
    plan = gr.HTML(on_plan(engine, FIRST_SEEDS, VARIETY, *_values(controls)), elem_id="compare-plan")
    view = Funnel({"state": "ready", "line": "Each seed is another plausible face."}, elem_id="grid")
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

    c, values = controls, list(controls.settings.values())
    told = Plan(partial(on_plan, engine), [seeds, settings, *values], plan)
    keep_told(told)
    c.load.upload(on_load_seeds, [c.load], [seeds, branch, settings], queue=False, **QUIET)
    redraw.click(on_redraw, [seeds, keep], [seeds, plan], queue=False, **QUIET)
    branch.input(lambda: PAGE, None, settings, queue=False, **QUIET)
    view.variety(lambda: (VARIETY, 0), None, [settings, branch], queue=False, **QUIET)

    def chosen(event: gr.EventData, *given) -> tuple:  # no partial: Gradio finds the event by this annotation
        return on_choose(engine, event.seed, *given)

    view.choose(chosen, [settings, *values], [c.seed, *values, c.status], queue=False, **QUIET)
    asked = [c.photo, c.mode, c.aligned, seeds, settings, pick, branch, *values]
    ran = connect_run(
        go, stop, c.session, partial(on_compare, engine), asked, [view, bundle, keep], plan, waiting=queued
    )
    ran.then(told.make, told.inputs, plan, queue=False, **QUIET)
    linked = [
        Linked("seeds", seeds, text_that(parse_seeds)),
        Linked("with", settings, one_of("with", (VARIETY, PAGE))),
        Linked("pick", pick, number("pick", 0, MAX_SEEDS)),
        Linked("branch", branch, number("branch", 0, MAX_EVENTS)),
    ]
    return View(linked, told)


def _values(controls: Controls) -> list:
    return [control.value for control in controls.settings.values()]


def config_of(engine: Engine, settings: str, *values) -> DPIConfig:
    """Give the settings a comparison runs with: the page's, or the preset for variety.

    Raises:
        DPIError: if the page's are not allowed.
    """
    if settings == VARIETY:
        return find_preset(VARIETY_PRESET, engine.settings.prior).config
    return DPIConfig.from_dict(dict(zip(FIELDS, values, strict=True)))


def on_plan(engine: Engine, seeds: str, settings: str, *values) -> str:
    """Say what a comparison would cost, now that seeds or settings changed."""
    try:
        text = compare_plan(engine, parse_seeds(seeds), config_of(engine, settings, *values))
    except DPIError as error:
        return render_message(str(error), "error")
    return f'<p class="dpi-plan">{text}</p>'


def on_load_seeds(path: str | None) -> tuple:
    """Take a comparison's seeds, and the step they part after, from its file; one result leaves all fields alone."""
    try:
        request = read_request(path) if path else None
    except DPIError:
        request = None  # the page's status line says what is wrong with the file
    if request is None or not MIN_SEEDS <= len(request.seeds) <= MAX_SEEDS:
        return gr.skip(), gr.skip(), gr.skip()
    return ", ".join(map(str, request.seeds)), request.branch.step if request.branch else 0, PAGE


def on_redraw(seeds: str, kept: list[str]) -> tuple:
    """Draw new seeds for those that are not kept."""
    try:
        return redrawn(seeds, kept), gr.skip()
    except DPIError as error:
        return gr.skip(), render_message(str(error), "error")


def on_choose(engine: Engine, text: str, settings: str, *values) -> tuple:
    """Answer a click on a face: its seed and settings become the page's."""
    try:
        seed, config = int(text), config_of(engine, settings, *values)
    except (DPIError, ValueError):
        return tuple([gr.skip()] * (len(values) + 2))
    if not 0 <= seed <= MAX_PAGE_SEED:
        said = f"Seed {seed} has more digits than the page's field keeps; it can be used from Python and the shell."
        return *[gr.skip()] * (len(values) + 1), render_message(said, "error")
    said = f"The page's seed is {seed} now, with the settings of the comparison."
    return seed, *(getattr(config, field) for field in FIELDS), render_message(said)


def on_compare(
    engine: Engine, session: Session, photo, mode, aligned, seeds: str, settings: str, pick: int, branch: int, *values
) -> Iterator[tuple]:
    """Stream a comparison to the view, and at its end to the download and the seeds that can be kept."""
    try:
        config, chosen = config_of(engine, settings, *values), parse_seeds(seeds)
    except DPIError as error:
        yield from giving_back(iter([({"run": "", "state": "failed", "line": str(error)}, gr.skip(), gr.skip())]))
        return
    asked = Comparing(photo, mode, bool(aligned), config, chosen, int(pick), int(branch))
    yield from giving_back(
        (item.view, gr.DownloadButton(value=item.bundle, visible=True), _to_keep(chosen))
        if isinstance(item, ComparisonOutcome)
        else (item, gr.skip(), gr.skip())
        for item in run_comparison(engine, session, asked)
    )


def _to_keep(seeds: tuple[int, ...]) -> gr.CheckboxGroup:
    return gr.CheckboxGroup([str(seed) for seed in seeds], value=[], visible=True)
