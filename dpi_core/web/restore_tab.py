"""The "Restore" tab: run, watch both stages live, look at before and after, download."""

from functools import partial
from pathlib import Path

import gradio as gr

from dpi_core.web.controls import QUIET, Controls, Plan, View
from dpi_core.web.engine import Engine
from dpi_core.web.events import on_run, on_save_film, on_settings, plan_html
from dpi_core.web.live import render_live
from dpi_core.web.running import connect_run, downloads, keep_told, run_buttons
from dpi_core.web.wipe import SCRIPT as WIPE

SCRIPT = Path(__file__).with_name("film.js")
RUN_AGAIN = """(again) => { if (again) document.querySelector("#run").click(); }"""


def restore_tab(engine: Engine, controls: Controls) -> View:
    """Build the tab over the page's shared controls."""
    start = controls.config
    go, stop = run_buttons("Restore")
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
    files = downloads("Download: lossless PNG, settings inside", "files")
    film = gr.HTML(elem_id="film", js_on_load=SCRIPT.read_text())
    save_film = gr.Button("Save this film (GIF, MP4)", visible=False, elem_id="save-film")
    film_note = gr.HTML(elem_id="film-note")
    film_files = downloads("Download: the run as a film", "film-files")

    c, values = controls, list(controls.settings.values())
    asked = [c.photo, c.mode, c.aligned, c.chosen, c.background, c.seed, *values]
    shown = [live, summary, compare, pasted, files, film, save_film]
    connect_run(go, stop, c.session, partial(on_run, engine), asked, shown, live)
    c.settings["tau"].release(None, [again], None, queue=False, js=RUN_AGAIN, **QUIET)
    save_film.click(on_save_film, [c.session], [film_files, film_note], **QUIET)
    told = Plan(on_settings, values, plan)
    keep_told(told)
    return View([], told)
