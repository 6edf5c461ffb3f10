"""A page that is reloaded finds its session again, with photo and last results; a link opens an example.

Gradio gives every load of the page a new session. So the browser's tab keeps a random name for its session, which nobody
else knows, and a reload (or Back to the page) asks for it. A page opened anew has a new name.
"""

from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import gradio as gr

from dpi_core.models.presets import AUTOMATIC
from dpi_core.web.auto_settings import config_of
from dpi_core.web.controls import Controls, example_photos
from dpi_core.web.events import QUIET
from dpi_core.web.links import Linked, one_of
from dpi_core.web.preset_choice import AUTO_TEXT
from dpi_core.web.session import Session

NAME = """() => {
  const key = "dpi-session", how = performance.getEntriesByType("navigation")[0]?.type;
  window.dpiSession ??= ["reload", "back_forward"].includes(how) ? sessionStorage.getItem(key) : null;
  window.dpiSession ??= [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
  sessionStorage.setItem(key, window.dpiSession);
  return window.dpiSession;
}"""
EXAMPLES = {Path(photo).name: photo for (photo,) in example_photos()}


class TabSessions(NamedTuple):
    """The hidden control with the tab's name, and the sessions by it.

    Weak: Gradio drops a session some time after its page, and with it goes what it holds.
    """

    name: gr.Textbox
    sessions: WeakValueDictionary[str, Session]

    def photo_of(self, name: str) -> str | None:
        """Return the photo of the tab's session, if it is still there."""
        session = self.sessions.get(name)
        return session.photo if session and session.photo and Path(session.photo).exists() else None


def tab_sessions() -> TabSessions:
    """Make the hidden control that holds the tab's name, and room for its session."""
    return TabSessions(gr.Textbox(visible="hidden", label="Session"), WeakValueDictionary())


def connect_reload(opened: Any, controls: Controls, results: list[Any], tabs: TabSessions) -> None:
    """Give a page that was `opened` again its session back: photo, Auto, and `results`, the components of `Session.shown`."""
    name, c = tabs.name, controls

    def found(values: dict[Any, Any]) -> dict[Any, Any]:
        session = values[c.session]
        earlier = tabs.sessions.setdefault(values[name], session)
        restored: dict[Any, Any] = {c.session: earlier}
        if session.automatic is not None:  # chosen on this page, before its session was found
            earlier.automatic = session.automatic
        elif earlier.automatic is not False and earlier.fitted == config_of(c.named(values)):
            # the address has its settings, and no name of them
            restored[c.preset] = gr.Radio(value=AUTOMATIC, info=AUTO_TEXT)
        photo = tabs.photo_of(values[name])
        if earlier is not session and photo is not None:
            restored[c.photo] = photo
            for shown in earlier.shown.values():
                restored |= {} if shown.hidden else shown.updates
        return restored

    opened.then(None, None, name, js=NAME, queue=False, **QUIET)
    name.change(
        found, {name, c.session, *c.settings.values()}, [c.session, c.photo, c.preset, *results], queue=False, **QUIET
    )


def example_link(controls: Controls, tabs: TabSessions) -> Linked:
    """Make the hidden control that names the example on the page, empty for any other photo."""
    example = gr.Textbox("", visible="hidden", label="Example")
    looked = controls.faced[0]  # after it, not beside it: see `connections.connect_plans`
    looked.then(example_of, [controls.photo], [example], queue=False, trigger_mode="always_last", **QUIET)

    def asked(example: str, photo: str | None, name: str) -> Any:
        # A reload brings it back: twice would be to find its faces twice, over what was ticked.
        kept = tabs.photo_of(name)
        return photo_of(example, kept if example_of(kept) == example else photo)

    named = f"(example, photo) => [example, photo, ({NAME})()]"  # the control may not have its value yet
    inputs = [example, controls.photo, tabs.name]
    example.change(asked, inputs, [controls.photo], js=named, queue=False, **QUIET)
    return Linked("example", example, one_of("example", EXAMPLES))


def example_of(photo: str | None) -> str:
    """Tell which shipped example a photo is, by name and bytes; "" for any other."""
    own = EXAMPLES.get(Path(photo).name) if photo else None
    return Path(own).name if photo and own and Path(own).read_bytes() == Path(photo).read_bytes() else ""


def photo_of(example: str, photo: str | None) -> Any:
    """Return the example to show, or leave the photo that is there if it is that, or if none is asked for."""
    return gr.skip() if not example or example_of(photo) == example else EXAMPLES[example]
