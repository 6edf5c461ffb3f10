"""What connects the shared controls with the page: the photo's faces, the address, and settings from files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import gradio as gr

from dpi_core.baselines import NAMES
from dpi_core.restore.request import MOST_ENLARGED
from dpi_core.web.controls import Controls
from dpi_core.web.events import MAX_PAGE_SEED, QUIET, on_chosen, on_face, on_link, on_load_settings, on_photo
from dpi_core.web.links import Linked, number, one_of, opened_script, setting, write_script, yes_or_no
from dpi_core.web.restore_run import AUTO, MODES
from dpi_core.web.running import Plan, Values, View
from dpi_core.web.session import Session


def connect_photo(controls: Controls, prior: str) -> Controls:
    """Look for faces when the photo changes, and say what was found and ticked for `prior`; returns the controls as `faced`."""
    looked_at = gr.State(None)  # of this page; a reload's session is that of the page before
    looked = controls.photo.change(
        partial(on_photo, prior),
        [controls.photo, controls.session, looked_at],
        [controls.faces, controls.chosen, controls.status, looked_at],
        **QUIET,
    )
    asked, status = [controls.chosen, controls.session], [controls.status]
    picked = controls.faces.select(on_face, None, [controls.chosen], queue=False, **QUIET)
    picked = picked.then(on_chosen, asked, status, queue=False, **QUIET)
    ticked = controls.chosen.input(on_chosen, asked, status, queue=False, trigger_mode="always_last", **QUIET)
    return replace(controls, faced=(looked, picked, ticked))


def connect_plans(controls: Controls, plans: Sequence[Plan]) -> None:
    """Say all plans anew once the faces are known, and whenever one of their inputs changes.

    In one event: two that keep the last trigger of the same change start one another again without end (Gradio 6.31).
    """
    inputs = set().union(*(plan.inputs for plan in plans))
    unwatched = {controls.photo}.union(*(plan.unwatched for plan in plans))
    lines = [plan.line for plan in plans]

    def say_all(values: Values) -> dict:
        return {plan.line: plan.make({component: values[component] for component in plan.inputs}) for plan in plans}

    for event in controls.faced:
        event.then(say_all, inputs, lines, queue=False, trigger_mode="always_last", **QUIET)
    changes = [component.change for component in inputs - unwatched if not isinstance(component, gr.State)]
    gr.on(changes, say_all, inputs, lines, queue=False, trigger_mode="always_last", **QUIET)


def connect_results(controls: Controls, views: Mapping[str, View]) -> None:
    """Take the results of another photo off the views once a photo is chosen, and bring them back with their photo."""

    def of_photo(session: Session) -> dict:
        updates: dict[Any, Any] = {controls.session: gr.skip()}
        for name, taken_off in bare.items():
            shown = session.shown.get(name)
            if shown is not None and shown.hidden != (shown.photo != session.photo):
                shown.hidden = not shown.hidden
                updates |= taken_off if shown.hidden else shown.updates
        return updates

    bare = {name: view.results for name, view in views.items() if None not in view.results.values()}
    outputs = [controls.session, *chain.from_iterable(bare.values())]
    controls.faced[0].then(of_photo, [controls.session], outputs, queue=False, trigger_mode="always_last", **QUIET)


def shared_links(controls: Controls) -> list[Linked]:
    """List those of the shared controls that belong in the address."""
    c = controls
    return [
        *(Linked(field, component, setting(field)) for field, component in c.settings.items()),
        Linked("seed", c.seed, number("seed", 0, MAX_PAGE_SEED)),
        Linked("mode", c.mode, one_of("mode", list(MODES))),
        Linked("aligned", c.aligned, yes_or_no("aligned")),
        Linked("method", c.method, one_of("method", NAMES)),
        Linked("background", c.background, number("background", AUTO, MOST_ENLARGED)),
    ]


def connect_address(
    page: gr.Blocks, controls: Controls, linked: Sequence[Linked], tabs: gr.Tabs, views: Sequence[str]
) -> Any:
    """Keep what is linked in the page's address, and take it from there when the page is opened; the event after that."""
    watched = [item.component for item in linked]

    def opened(request: gr.Request) -> tuple:  # no partial: Gradio finds the request by this annotation
        return on_link(linked, views, dict(request.query_params))

    read = page.load(opened, None, [*watched, tabs, controls.status], queue=False, **QUIET)
    taken_over = controls.follow(read, opened=True)
    read.then(None, None, None, js=opened_script(next(iter(views))), queue=False, **QUIET)
    gr.on(
        [component.change for component in watched], None, watched, None, queue=False, js=write_script(linked), **QUIET
    )
    return taken_over


def connect_files(controls: Controls) -> None:
    """Take settings from a file when asked."""
    c = controls

    def taken(path: str | None, visitor: Session) -> dict:
        settings, line = on_load_settings(path) if path else ({}, gr.skip())
        return {**c.brought(visitor, settings), c.status: line}

    c.load.upload(taken, [c.load, c.session], [*c.making.values(), c.status], queue=False, **QUIET)
