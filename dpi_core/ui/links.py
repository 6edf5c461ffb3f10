"""Settings in the page's address: a link that opens the page as it is, for a colleague or a bug report.

Only what differs from the preset the page starts with is written, so a plain page keeps a plain address.
"""

from collections.abc import Mapping

from dpi_core.config import MAX_SEED, DPIConfig, check_int
from dpi_core.presets import DEFAULT_PRESET, PRESETS

TRUE, FALSE = ("1", "true", "yes"), ("0", "false", "no")
WRITE = """(...values) => {
  const names = %(names)s, start = %(start)s, address = new URL(window.location);
  names.forEach((name, i) => {
    if (values[i] === null || values[i] === start[i]) address.searchParams.delete(name);
    else address.searchParams.set(name, values[i]);
  });
  window.history.replaceState(null, "", address);
}"""


def read_link(query: Mapping[str, str]) -> tuple[DPIConfig, int]:
    """The settings and the seed that an address names, over the preset the page starts with.

    Raises:
        ValueError: on a value that is not allowed; names that are no setting are left alone.
    """
    start = PRESETS[DEFAULT_PRESET][0]
    given = {name: _value(name, query[name], getattr(start, name)) for name in vars(start) if name in query}
    seed = _value("seed", query["seed"], 0) if "seed" in query else 0
    check_int("seed", seed, 0, MAX_SEED)
    return start.replaced(given), int(seed)


def _value(name: str, text: str, like: object) -> bool | int | float:
    if isinstance(like, bool):
        if text.lower() not in TRUE + FALSE:
            raise ValueError(f"{name} is {text!r} in the address; allowed is true or false.")
        return text.lower() in TRUE
    try:
        number = float(text)
    except ValueError as error:
        raise ValueError(f"{name} is {text!r} in the address; allowed is a number.") from error
    return int(number) if isinstance(like, int) and number.is_integer() else number
