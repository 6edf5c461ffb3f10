"""What a page tells while its run waits for its turn: how many are before it, and about how long that takes."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from dpi_core.web.events import MODELS
from dpi_core.web.fair_queue import FairQueue, Place
from dpi_core.web.session import Session

TOLD_EVERY = 2.0  # seconds
NOT_TAKEN = "The run ended early; try again in a moment."


def on_start(waiting: Callable[[str], Any], session: Session) -> tuple:
    """Clear the stop flag, show the Stop button, start the clock that tells the place, and tell it where others are before."""
    session.stopped = False
    queue = _queue()
    place = None if queue is None else queue.last_place(MODELS)
    shown = waiting(place_text(place)) if place is not None and place.before else gr.skip()
    go, stop = gr.Button(interactive=False), gr.Button(visible=True, interactive=True, value="Stop")
    return go, stop, gr.Timer(active=True), shown


def on_waiting(waiting: Callable[[str], Any], session: str | None) -> Any:
    """Tell the place that the run of a page's session has now; nothing once it has begun."""
    queue = _queue()
    place = None if queue is None else queue.place_of(session, MODELS)
    return gr.skip() if place is None or not place.before else waiting(place_text(place))


def on_not_taken(waiting: Callable[[str], Any], session: str | None) -> tuple:
    """Give the buttons back where the queue refused the run, and say why."""
    queue = _queue()
    shown = waiting(NOT_TAKEN if queue is None else queue.refused.pop(session or "", NOT_TAKEN))
    if isinstance(shown, dict):
        shown["state"] = "failed"
    return gr.Button(interactive=True), gr.Button(visible=False), shown


def place_text(place: Place) -> str:
    """Say a place in a sentence."""
    many = "One run is" if place.before == 1 else f"{place.before} runs are"
    how_long = "" if place.seconds is None else f", which takes about {max(1, round(place.seconds))} s"
    return f"{many} before yours{how_long}; it begins as soon as the models are free."


def _queue() -> FairQueue | None:
    page = LocalContext.blocks.get(None)
    queue = None if page is None else page._queue
    return queue if isinstance(queue, FairQueue) else None
