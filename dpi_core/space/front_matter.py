"""The YAML block at the top of README.md, between two lines of three dashes: what the hub reads of a Space."""

from typing import Any

from dpi_core.errors import DPIError
from dpi_core.space.spacefile import Spacefile, parse_mapping

FENCE = "---"


def split(readme: str) -> tuple[str | None, str]:
    """A README as (YAML, the rest); the YAML is None where there is no block.

    Raises:
        ValueError: if the block is opened and never closed.
    """
    lines = readme.lstrip("\ufeff").splitlines(keepends=True)
    if not lines or lines[0].rstrip() != FENCE:
        return None, readme
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == FENCE:
            return "".join(lines[1:number]), "".join(lines[number + 1 :])
    raise DPIError("README.md opens its front matter with '---' and never closes it; add a second line of '---'.")


def parse(readme: str) -> dict[str, Any]:
    """The block's keys and values; empty where there is no block.

    Raises:
        ValueError: if it is no valid YAML mapping.
    """
    block, _ = split(readme)
    return {} if block is None else parse_mapping(block, "README.md's front matter")


def render(spacefile: Spacefile) -> str:
    """The block for a Space, fences included."""
    import yaml

    body = yaml.safe_dump(spacefile.front_matter(), sort_keys=False, allow_unicode=True, width=1000)
    return f"{FENCE}\n{body}{FENCE}\n"


def written(readme: str, spacefile: Spacefile) -> str:
    """The README with the block of `spacefile` in place of its own; the rest of it is unchanged."""
    block, rest = split(readme)
    return render(spacefile) + (f"\n{rest}" if block is None else rest)


def differences(readme: str, spacefile: Spacefile) -> list[str]:
    """One line for each key in which the block and the Spacefile differ."""
    there, wanted = parse(readme), spacefile.front_matter()
    if not there:
        return ["README.md has no front matter; the hub would not know how to run the Space."]
    lines = []
    for key in [*wanted, *(key for key in there if key not in wanted)]:
        if there.get(key) != wanted.get(key):
            lines.append(
                f"README.md's front matter: {key} is {_shown(there, key)}, the Spacefile says {_shown(wanted, key)}."
            )
    return lines


def _shown(values: dict, key: str) -> str:
    return repr(values[key]) if key in values else "not there"
