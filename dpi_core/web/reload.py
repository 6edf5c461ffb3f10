"""A page that is reloaded finds its session again, with photo and last result; a link opens an example.

Gradio gives every load of the page a new session. So the browser's tab keeps a random name for its session, which nobody
else knows, and a reload (or Back to the page) asks for it. A page opened anew has a new name.
"""

from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import gradio as gr

from dpi_core.web.controls import QUIET, Controls, example_photos
from dpi_core.web.links import Linked, one_of
from dpi_core.web.session import Session

NAME = """() => {
  const key = "dpi-session", how = performance.getEntriesByType("navigation")[0]?.type;
  let name = ["reload", "back_forward"].includes(how) ? sessionStorage.getItem(key) : null;
  name ??= [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  sessionStorage.setItem(key, name);
  return name;
}"""
EXAMPLES = {Path(photo).name: photo for (photo,) in example_photos()}


def connect_reload(page: gr.Blocks, controls: Controls, results: list[Any]) -> None:
    """Give a reloaded page its session back: the photo, and `results`, the components of `Session.shown`."""
    # Weak: Gradio drops a session some time after its page, and with it goes what it holds.
    sessions: WeakValueDictionary[str, Session] = WeakValueDictionary()
    name = gr.Textbox(visible="hidden", label="Session")

    def found(name: str, session: Session) -> tuple:
        earlier = sessions.setdefault(name, session)
        if earlier is session or earlier.photo is None or not Path(earlier.photo).exists():
            return tuple([gr.skip()] * (2 + len(results)))
        return earlier, earlier.photo, *(earlier.shown or [gr.skip()] * len(results))

    page.load(None, None, name, js=NAME, queue=False, **QUIET)
    name.change(found, [name, controls.session], [controls.session, controls.photo, *results], queue=False, **QUIET)


def example_link(controls: Controls) -> Linked:
    """Make the hidden control that names the example on the page, empty for any other photo."""
    example = gr.Textbox("", visible="hidden", label="Example")
    controls.photo.change(example_of, [controls.photo], [example], queue=False, **QUIET)
    example.change(photo_of, [example, controls.photo], [controls.photo], queue=False, **QUIET)
    return Linked("example", example, one_of("example", EXAMPLES))


def example_of(photo: str | None) -> str:
    """Tell which shipped example a photo is, by name and bytes; "" for any other."""
    own = EXAMPLES.get(Path(photo).name) if photo else None
    return Path(own).name if photo and own and Path(own).read_bytes() == Path(photo).read_bytes() else ""


def photo_of(example: str, photo: str | None) -> Any:
    """Return the example to show, or leave the photo that is there if it is that, or if none is asked for."""
    return gr.skip() if not example or example_of(photo) == example else EXAMPLES[example]
