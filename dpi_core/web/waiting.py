"""What a page tells while its run waits for its turn: how many are before it, and about how long that takes."""

from gradio.context import LocalContext

from dpi_core.web.events import MODELS
from dpi_core.web.fair_queue import FairQueue, Place

TOLD_EVERY = 2.0  # seconds
NOT_TAKEN = "The run ended early; try again in a moment."


def line_at_start() -> str | None:
    """Say how many are before a run that is begun now; None if it begins at once."""
    queue = _queue()
    place = None if queue is None else queue.last_place(MODELS)
    return place_text(place) if place is not None and place.before else None


def line_now(session: str | None) -> str | None:
    """Say the place that the run of a page's session has now; None once it has begun."""
    queue = _queue()
    place = None if queue is None else queue.place_of(session, MODELS)
    return None if place is None or not place.before else place_text(place)


def line_refused(session: str | None) -> str:
    """Say why the queue refused the run of a page's session."""
    queue = _queue()
    return NOT_TAKEN if queue is None else queue.refused.pop(session or "", NOT_TAKEN)


def place_text(place: Place) -> str:
    """Say a place in a sentence."""
    many = "One run is" if place.before == 1 else f"{place.before} runs are"
    how_long = "" if place.seconds is None else f", which takes about {max(1, round(place.seconds))} s"
    return f"{many} before yours{how_long}; it begins as soon as the models are free."


def _queue() -> FairQueue | None:
    page = LocalContext.blocks.get(None)
    queue = None if page is None else page._queue
    return queue if isinstance(queue, FairQueue) else None
