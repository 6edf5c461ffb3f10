"""What every view has: the two buttons of its run, the line that says what a run would cost, the files at its end.

On a narrow page the controls come first: the buttons stay at the lower edge there (running.css), and the page goes to what
they show.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gradio as gr

from dpi_core.web.controls import QUIET, Plan
from dpi_core.web.events import MODELS, on_stop
from dpi_core.web.live import render_message
from dpi_core.web.waiting import TOLD_EVERY, on_not_taken, on_start, on_waiting


def run_buttons(title: str, prefix: str = "", between: tuple[str, str] | None = None) -> list[gr.Button]:
    """Make a row: a button that runs, one `between` (title, id) if given, one that stops; their ids begin with `prefix`."""
    with gr.Row(elem_classes="dpi-buttons"):
        go = gr.Button(title, variant="primary", elem_id=f"{prefix}run")
        others = [gr.Button(between[0], elem_id=between[1])] if between else []
        stop = gr.Button("Stop", variant="stop", visible=False, elem_id=f"{prefix}stop")
    return [go, *others, stop]


def connect_run(
    go: gr.Button,
    stop: gr.Button,
    session: gr.State,
    run: Callable,
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    shown: Any,
    waiting: Callable[[str], Any] = render_message,
) -> Any:
    """Let `go` stream ``run(session, *inputs)`` to `outputs` and the two buttons, and `stop` end it; the event to go on from.

    Only one run at a time uses the models. While others are before it, the first of `outputs` shows ``waiting(text)``, anew
    every few seconds. A narrow page scrolls to `shown`.
    """
    clock = gr.Timer(TOLD_EVERY, active=False)

    def place(request: gr.Request) -> Any:  # no partial: Gradio finds the request by this annotation
        return on_waiting(waiting, request.session_hash)

    def not_taken(request: gr.Request) -> tuple:
        return on_not_taken(waiting, request.session_hash)

    clock.tick(place, None, [outputs[0]], queue=False, **QUIET)
    stop.click(on_stop, [session], [stop], queue=False, **QUIET)
    started = go.click(
        partial(on_start, waiting),
        [session],
        [go, stop, clock, outputs[0]],
        queue=False,
        js=scroll_script(str(shown.elem_id)),
        **QUIET,
    )
    ran = started.then(
        run,
        [session, *inputs],
        [*outputs, go, stop],
        concurrency_limit=1,
        concurrency_id=MODELS,
        **QUIET,
    )
    ran.failure(not_taken, None, [go, stop, outputs[0]], queue=False, **QUIET)
    ran.then(lambda: gr.Timer(active=False), None, [clock], queue=False, **QUIET)
    return ran


def keep_told(plan: Plan) -> None:
    """Say the plan anew whenever one of its inputs changes."""
    changes = [component.change for component in plan.inputs]
    gr.on(changes, plan.make, list(plan.inputs), plan.line, queue=False, trigger_mode="always_last", **QUIET)


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
