"""The "Restore" tab: run, watch both stages live, look at before and after, download."""

from functools import partial
from pathlib import Path

import gradio as gr

from dpi_core.ui.controls import QUIET, Controls, Plan, View
from dpi_core.ui.engine import Engine
from dpi_core.ui.events import on_run, on_save_film, on_settings, on_start, on_stop, plan_html
from dpi_core.ui.live import render_live
from dpi_core.ui.phone import show_on_phones
from dpi_core.ui.wipe import SCRIPT as WIPE

SCRIPT = Path(__file__).with_name("film.js")
RUN_AGAIN = """(again) => { if (again) document.querySelector("#run").click(); }"""


def restore_tab(engine: Engine, controls: Controls) -> View:
    """Build the tab over the page's shared controls."""
    start = controls.config
    with gr.Row(elem_classes="dpi-buttons"):
        go = gr.Button("Restore", variant="primary", elem_id="run")
        stop = gr.Button("Stop", variant="stop", visible=False, elem_id="stop")
    again = gr.Checkbox(
        label="Live tau: run again when the slider is let go",
        value=False,
        elem_id="live-tau",
        info="Steps above the earlier of the two splits are the same for both, and are not run again.",
    )
    plan = gr.HTML(plan_html(start), elem_id="plan")
    live = gr.HTML(render_live(start, None), elem_id="live")
    summary = gr.HTML(elem_id="summary")
    compare = gr.HTML(elem_id="compare", js_on_load=WIPE.read_text())
    pasted = gr.Image(
        label="The photo with the face pasted back",
        format="png",
        type="pil",
        visible=False,
        elem_id="pasted",
        interactive=False,
        buttons=["fullscreen"],
    )
    files = gr.File(
        label="Download: lossless PNG, settings inside",
        visible=False,
        elem_id="files",
        file_count="multiple",
        interactive=False,
    )
    film = gr.HTML(elem_id="film", js_on_load=SCRIPT.read_text())
    save_film = gr.Button("Save this film (GIF, MP4)", visible=False, elem_id="save-film")
    film_note = gr.HTML(elem_id="film-note")
    film_files = gr.File(
        label="Download: the run as a film",
        visible=False,
        elem_id="film-files",
        file_count="multiple",
        interactive=False,
    )

    c, values = controls, list(controls.settings.values())
    go.click(on_start, [c.session], [go, stop], queue=False, js=show_on_phones("live"), **QUIET).then(
        partial(on_run, engine),
        [c.session, c.photo, c.mode, c.aligned, c.chosen, c.background, c.seed, *values],
        [live, summary, compare, pasted, files, film, save_film, go, stop],
        concurrency_limit=1,
        concurrency_id="models",
        **QUIET,
    )
    c.settings["tau"].release(None, [again], None, queue=False, js=RUN_AGAIN, **QUIET)
    stop.click(on_stop, [c.session], [stop], queue=False, **QUIET)
    save_film.click(on_save_film, [c.session], [film_files, film_note], **QUIET)
    told = Plan(on_settings, values, plan)
    gr.on(
        [control.change for control in values],
        on_settings,
        values,
        plan,
        queue=False,
        trigger_mode="always_last",
        **QUIET,
    )
    return View([], told)
