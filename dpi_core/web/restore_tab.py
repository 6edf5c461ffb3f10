"""The "Restore" tab: the stage, on which a run plays and its results are compared, and what it leaves to download."""

from functools import partial

import gradio as gr

from dpi_core.web.components.stage import Stage
from dpi_core.web.controls import QUIET, Controls, Plan, View
from dpi_core.web.engine import Engine
from dpi_core.web.events import making_of, on_plan, on_run, on_save_film, on_tau, queued
from dpi_core.web.running import connect_run, keep_told
from dpi_core.web.stage_data import example_value, plan_of

RUN_AGAIN = """(again) => { if (again) document.querySelector("#run").click(); }"""


def restore_tab(engine: Engine, controls: Controls) -> View:
    """Build the tab over the page's shared controls."""
    c = controls
    stage = Stage(
        example_value(), plan=plan_of(making_of(engine, *(control.value for control in c.making))), elem_id="stage"
    )
    with gr.Row(elem_id="downloads", visible=False) as row:
        photo = gr.DownloadButton("Download the photo", variant="primary", elem_id="download")
        bundle = gr.DownloadButton("Everything (ZIP)", elem_id="bundle")
        film = gr.Button("Make the film", elem_id="save-film")
    film_note = gr.HTML(elem_id="film-note")
    film_video = gr.Video(visible=False, elem_id="film-video", label="The run as a film", loop=True, height=320)
    film_files = gr.File(
        label="Download: the run as a film",
        visible=False,
        elem_id="film-files",
        file_count="multiple",
        interactive=False,
    )

    shown = [stage, photo, bundle, row]
    connect_run(c.run, c.stop, c.session, partial(on_run, engine), c.making, shown, stage, waiting=queued)
    stage.tau(on_tau, None, [c.settings["tau"]], queue=False, **QUIET).then(
        None, [c.live_tau], None, queue=False, js=RUN_AGAIN, **QUIET
    )
    c.settings["tau"].release(None, [c.live_tau], None, queue=False, js=RUN_AGAIN, **QUIET)
    film.click(on_save_film, [c.session], [film_video, film_files, film_note], **QUIET)
    told = Plan(partial(on_plan, engine), c.making, stage)
    keep_told(told)
    return View([], told, shown)
