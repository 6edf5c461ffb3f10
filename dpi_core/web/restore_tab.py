"""The "Restore" tab: the stage, on which a run plays and its results are compared, and what it leaves to download."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from dpi_core.web.components.data_html import DataHTML
from dpi_core.web.controls import Controls
from dpi_core.web.engine import Engine
from dpi_core.web.events import QUIET, making_of, on_plan, on_tau
from dpi_core.web.restore_run import Outcome, run, save_film
from dpi_core.web.running import Plan, Values, View, connect_run, downloads
from dpi_core.web.session import Session, Shown
from dpi_core.web.stage_data import example_value, plan_of

RUN_AGAIN = """(again) => { if (again) document.querySelector("#run").click(); }"""


def restore_tab(engine: Engine, controls: Controls) -> View:
    """Build the tab over the page's shared controls."""
    c = controls
    plan_now = plan_of(making_of(engine, c.named()))
    stage = DataHTML(example_value(), files="stage", plan=plan_now, elem_id="stage")
    with gr.Row(elem_id="downloads", visible=False) as row:
        photo = gr.DownloadButton("Download the photo", variant="primary", elem_id="download")
        bundle = gr.DownloadButton("Everything (ZIP)", elem_id="bundle")
        film = gr.Button("Make the film", elem_id="save-film")
    film_note = gr.HTML(elem_id="film-note")
    film_video = gr.Video(visible=False, elem_id="film-video", label="The run as a film", loop=True, height=320)
    film_files = downloads("Download: the run as a film", "film-files")

    def on_run(values: Values) -> Iterator[dict | Outcome]:
        yield from run(engine, values[c.session], making_of(engine, c.named(values)))

    def finished(done: Outcome) -> dict[Any, Any]:
        shown = {stage: done.stage, row: gr.Row(visible=True)}
        return shown | {photo: gr.DownloadButton(value=done.photo), bundle: gr.DownloadButton(value=done.bundle)}

    def on_film(session: Session) -> dict[Any, Any]:
        made, message = save_film(session)
        video = next((file for file in made if file.endswith(".mp4")), None)
        shown = {film_video: gr.Video(video, visible=video is not None), film_files: gr.File(made, visible=bool(made))}
        if made:
            session.shown["film"] = Shown(session.photo, shown)
        return shown | {film_note: message}

    gone = gr.update(visible=False)
    filmed = {film_video: gone, film_files: gone, film_note: ""}
    files = {row: gone, photo: gr.update(), bundle: gr.update(), **filmed}
    plan = Plan(lambda values: on_plan(engine, values[c.session], c.named(values)), {c.session, *c.asked}, stage)
    connect_run("restore", [c.run, c.stop], c.session, c.photo, stage, on_run, finished, c.asked, files, plan)
    dragged = stage.tau(on_tau, None, [c.settings["tau"]], queue=False, **QUIET)
    c.follow(dragged)
    dragged.then(None, [c.live_tau], None, queue=False, js=RUN_AGAIN, **QUIET)
    c.settings["tau"].release(None, [c.live_tau], None, queue=False, js=RUN_AGAIN, **QUIET)
    film.click(on_film, [c.session], list(filmed), **QUIET)
    return View([], plan, dict.fromkeys([stage, *files]))
