"""Settings in the page's address: a link that opens the page as it is, for a colleague or a bug report.

Every control that is worth a link has a name in the address. Only what differs from what the page starts with is written,
so a plain page keeps a plain address.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dpi_core.errors import DPIError
from dpi_core.method.config import DPIConfig, check_float, check_int

TRUE, FALSE = ("1", "true", "yes"), ("0", "false", "no")
VIEW = "view"
OPENED = """() => {
  window.dpiOpened = true;
  window.addEventListener("popstate", () => {  // Back and Forward open the view that the address names then
    const view = new URL(window.location).searchParams.get("%s") ?? "%s";
    document.querySelector(`#views button[role=tab][data-tab-id="${view}"]`)?.click();
  });
}"""
WRITE = """(...values) => {
  const names = %s, start = %s, address = new URL(window.location);
  names.forEach((name, i) => {
    if (values[i] === null || values[i] === undefined || values[i] === start[i]) address.searchParams.delete(name);
    else address.searchParams.set(name, values[i]);
  });
  window.history.replaceState(null, "", address);
}"""


@dataclass(frozen=True, eq=False)
class Linked:
    """A control whose value stands in the address.

    Attributes:
        name: its name there.
        component: the Gradio component; its value when the page is built is what the page starts with.
        read: from the address's text to a value; ValueError says what is allowed.
    """

    name: str
    component: Any
    read: Callable[[str], Any]


def write_script(linked: Sequence[Linked]) -> str:
    """Write the script that puts the values of `linked`, its arguments, into the address."""
    names, start = [item.name for item in linked], [item.component.value for item in linked]
    return WRITE % (json.dumps(names), json.dumps(start))


def opened_script(first: str) -> str:
    """Make the script for a page whose address was read; `first` is the view that a plain address opens."""
    return OPENED % (VIEW, first)


def view_script(view: str, first: str) -> str:
    """Write the script that puts into the address which view is open; `first` is the one that a plain address opens."""
    call = f"set({json.dumps(VIEW)}, {json.dumps(view)})" if view != first else f"delete({json.dumps(VIEW)})"
    return f"""() => {{
  // the first tab reports itself before the address was read, or a moment after another has been opened by it
  const open = document.querySelector("#views button[role=tab][aria-selected=true]")?.dataset.tabId;
  if (!window.dpiOpened || open !== {json.dumps(view)}) return;
  const address = new URL(window.location);
  address.searchParams.{call};
  if (address.href !== window.location.href) window.history.pushState(null, "", address);
}}"""


def read_link(linked: Sequence[Linked], query: Mapping[str, str]) -> dict[str, Any]:
    """Read the values that an address names, DPIError on one that is not allowed; names of no control are left alone."""
    return {item.name: item.read(query[item.name]) for item in linked if item.name in query}


def setting(field: str) -> Callable[[str], Any]:
    """Return a reader of a field of `DPIConfig`."""
    like = getattr(DPIConfig(), field)
    read = yes_or_no(field) if isinstance(like, bool) else number(field, whole=isinstance(like, int))

    def checked(text: str) -> Any:
        value = read(text)
        return getattr(DPIConfig.from_dict({field: value}), field)

    return checked


def yes_or_no(name: str) -> Callable[[str], bool]:
    """Return a reader of true or false."""

    def read(text: str) -> bool:
        if text.lower() not in TRUE + FALSE:
            raise DPIError(f"{name} is {text!r} in the address; allowed is true or false.")
        return text.lower() in TRUE

    return read


def number(
    name: str, low: float | None = None, high: float | None = None, whole: bool = True
) -> Callable[[str], int | float]:
    """Return a reader of a number, from `low` to `high` where they are given."""

    def read(text: str) -> int | float:
        try:
            value = float(text)
        except ValueError as error:
            raise DPIError(f"{name} is {text!r} in the address; allowed is a number.") from error
        found = int(value) if whole and value.is_integer() else value
        if low is not None and high is not None:
            (check_int(name, found, int(low), int(high)) if whole else check_float(name, found, low, high))
        return found

    return read


def one_of(name: str, allowed: Collection[str]) -> Callable[[str], str]:
    """Return a reader of one of some texts."""

    def read(text: str) -> str:
        if text not in allowed:
            raise DPIError(f"{name} is {text!r} in the address; allowed is one of {', '.join(allowed)}.")
        return text

    return read


def text_that(check: Callable[[str], Any]) -> Callable[[str], str]:
    """Return a reader of a text that `check` accepts: it raises ValueError on others."""

    def read(text: str) -> str:
        check(text)
        return text

    return read
