"""What every view has: the two buttons of its run, the line that says what a run would cost, the files at its end.

On a narrow page the controls come first: the buttons stay at the lower edge there (running.css), and the page goes to what
they show.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from dpi_core.errors import DPIError
from dpi_core.web.checks import with_messages
from dpi_core.web.events import MODELS, QUIET
from dpi_core.web.fair_queue import FairQueue, Place
from dpi_core.web.links import Linked
from dpi_core.web.live import render_message
from dpi_core.web.session import Session, Shown

Values = Mapping[Any, Any]
"""What Gradio gives a handler with a set of inputs: value by component."""
TOLD_EVERY = 2.0  # seconds between two lines of a run that waits for its turn
DISCARDED = {"run": "", "state": "ready", "line": "The run of the photo before was stopped."}
NOT_TAKEN = "The run ended early; try again in a moment."


@dataclass(frozen=True)
class Plan:
    """A line that says what a run would do and cost: how it is made, from what, and where it stands.

    `unwatched`: those of the inputs after whose change the tab itself has it said anew.
    """

    make: Callable[[dict], Any]
    inputs: set[Any]
    line: gr.HTML
    unwatched: frozenset[Any] = frozenset()


@dataclass(frozen=True)
class View:
    """What a tab leaves to the page.

    Attributes:
        linked: its controls that belong in the address.
        plan: what its run would do.
        results: the components that a reload fills again, and for each the update that takes a result off it once another
            photo is chosen; None where it looks to that itself.
    """

    linked: Sequence[Linked]
    plan: Plan
    results: Mapping[Any, Any]


def run_buttons(title: str, prefix: str = "", between: tuple[str, str] | None = None) -> list[gr.Button]:
    """Make a row: a button that runs, one `between` (title, id) if given, one that stops; their ids begin with `prefix`."""
    with gr.Row(elem_classes="dpi-buttons"):
        go = gr.Button(title, variant="primary", elem_id=f"{prefix}run")
        others = [gr.Button(between[0], elem_id=between[1])] if between else []
        stop = gr.Button("Stop", variant="stop", visible=False, elem_id=f"{prefix}stop")
    return [go, *others, stop]


def connect_run(
    name: str,
    buttons: Sequence[gr.Button],
    session: gr.State,
    photo: gr.Image,
    view: gr.HTML,
    run: Callable[[Values], Iterator[Any]],
    finished: Callable[[Any], dict[Any, Any]],
    inputs: set[Any],
    files: Mapping[Any, Any],
    plan: Plan,
) -> None:
    """Let a button stream ``run(values)`` to `view`, and Stop end it; the plan is said anew after it.

    Only one run at a time uses the models. While others are before it, the view says so, anew every few seconds. The files of
    the run before are gone as soon as the next begins, so that what stands on the page is the run's that is shown. A run whose
    photo is no longer the page's ends, and leaves nothing.

    Args:
        name: the view's, under which the session keeps what the run ended with for a page that is loaded again.
        buttons: first the one that runs, last Stop; all but Stop are off meanwhile.
        run: yields values of the view, and last what `finished` turns into updates.
        files: the components with the files of a run, and the update that hides each.
        plan: of the run; a narrow page scrolls to its line.
    """
    *others, stop = buttons
    clock = gr.Timer(TOLD_EVERY, active=False)

    def free() -> dict[Any, Any]:  # made when it is sent: a button made here would stand on the page
        return {button: gr.Button(interactive=True) for button in others} | {stop: gr.Button(visible=False)}

    def on_start(visitor: Session, path: str | None) -> dict[Any, Any]:
        visitor.stopped, visitor.on_page = False, path
        begun = {button: gr.Button(interactive=False) for button in others}
        begun |= {stop: gr.Button(visible=True, interactive=True, value="Stop")}
        begun |= files
        line = line_at_start()
        return begun | {clock: gr.Timer(active=True)} | ({view: queued(line)} if line else {})

    def place(request: gr.Request) -> Any:  # Gradio finds the request by this annotation
        line = line_now(request.session_hash)
        return queued(line) if line else gr.skip()

    def not_taken(request: gr.Request) -> dict[Any, Any]:
        return {**free(), view: {"run": "", "state": "failed", "line": line_refused(request.session_hash)}}

    def on_stop(visitor: Session) -> gr.Button:
        visitor.stopped = True
        return gr.Button(value="Stopping ..", interactive=False)

    def rows(values: Values) -> Iterator[dict[Any, Any]]:
        visitor, path = values[session], values[photo]
        for item in with_messages(run)(values):
            if visitor.on_page != path:
                yield {view: DISCARDED}
                return
            if isinstance(item, dict):
                yield {view: item}
            else:
                ended = finished(item)
                visitor.shown[name] = Shown(path, ended)
                yield ended

    def streamed(values: Values) -> Iterator[dict[Any, Any]]:
        yield from giving_back(rows(values), free())

    clock.tick(place, None, [view], queue=False, **QUIET)
    stop.click(on_stop, [session], [stop], queue=False, **QUIET)
    outputs, scroll = [view, *files, *buttons], scroll_script(str(plan.line.elem_id))
    started = others[0].click(on_start, [session, photo], [*outputs, clock], queue=False, js=scroll, **QUIET)
    ran = started.then(
        streamed, {session, photo, *inputs}, outputs, concurrency_limit=1, concurrency_id=MODELS, **QUIET
    )
    ran.failure(not_taken, None, [view, *buttons], queue=False, **QUIET)
    ran.then(lambda: gr.Timer(active=False), None, [clock], queue=False, **QUIET)
    # said after it: a plan that comes while a run streams can be lost
    ran.then(plan.make, plan.inputs, plan.line, queue=False, **QUIET)


def queued(line: str) -> dict[str, Any]:
    """Build what a view shows of a run that waits."""
    return {"run": "", "state": "queued", "line": line}


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


def giving_back(rows: Iterator[dict[Any, Any]], free: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
    """Yield the rows of a run, and the last once more with what frees its buttons.

    Once more, because the page can lose a row that another one follows at once; what that one skipped stayed hidden.
    """
    row: dict[Any, Any] = {}
    for row in rows:
        yield row
    yield {**row, **free}


def plan_html(line: Callable[[], str]) -> str:
    """Say a plan as HTML, or what is wrong with what is asked."""
    try:
        return f'<p class="dpi-plan">{escape(line())}</p>'
    except DPIError as error:
        return render_message(str(error), "error")


def downloads(label: str, elem_id: str) -> gr.File:
    """Make a list of files to download, hidden while there are none."""
    return gr.File(label=label, visible=False, elem_id=elem_id, file_count="multiple", interactive=False)


def scroll_script(element: str) -> str:
    """Write JavaScript for a click: scroll to the element of this id where the style fixes the buttons; inputs pass through."""
    return f"""(...inputs) => {{
  const narrow = getComputedStyle(document.querySelector("#run-buttons")).position === "fixed";
  if (narrow) document.querySelector("#{element}")?.scrollIntoView({{behavior: "smooth", block: "start"}});
  return inputs;
}}"""
