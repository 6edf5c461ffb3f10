"""Reading YAML that people write: what is wrong is told in a sentence, with the place, the value and what is allowed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from dpi_core.errors import DPIError


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of keys and values.

    Raises:
        ValueError: if the file is missing, is no YAML, or holds something else.
    """
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DPIError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise DPIError(f"{path} is no YAML{place}: {getattr(error, 'problem', None) or error}.") from error
    return mapping(found, str(path))


def mapping(value: Any, where: str) -> dict[str, Any]:
    """Return a mapping with text as keys, or say what `where` is instead."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise DPIError(f"{where} is {value!r}; expected keys and values, as in `seeds: 2`.")
    return value


def checked_keys(value: dict[str, Any], allowed: Iterable[str], where: str, needed: Iterable[str] = ()) -> None:
    """Raise ValueError where a key is unknown or a needed one is missing."""
    names = list(allowed)
    for key in value:
        if key not in names:
            raise DPIError(f"{where} has an unknown key {key!r}; allowed are {', '.join(names)}.")
    for key in needed:
        if key not in value:
            raise DPIError(f"{where} has no {key!r}, which is needed.")


def text(value: Any, where: str) -> str:
    """Return a text, or say what `where` is instead."""
    if not isinstance(value, str) or not value.strip():
        raise DPIError(f"{where} is {value!r}; expected a text.")
    return value


def switch(value: Any, where: str) -> bool:
    """Return true or false, or say what `where` is instead."""
    if not isinstance(value, bool):
        raise DPIError(f"{where} is {value!r}; allowed is true or false.")
    return value


def items(value: Any, where: str) -> list[Any]:
    """Return a list that is not empty, or say what `where` is instead."""
    if not isinstance(value, list) or not value:
        raise DPIError(f"{where} is {value!r}; expected a list of at least one.")
    return value


def named(item: Any, where: str) -> tuple[str, Any]:
    """Split an entry of a list into its name and what it holds: a name alone (None), or one key with its value."""
    if isinstance(item, dict) and len(item) == 1:
        ((name, value),) = item.items()
        return text(name, where), value
    return text(item, f"an entry of {where}"), None
