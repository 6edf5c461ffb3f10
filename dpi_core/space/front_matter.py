"""The YAML block at the top of README.md, what the hub reads of a Space, by huggingface_hub's `RepoCard`."""

from typing import TYPE_CHECKING, Any

from dpi_core.errors import DPIError
from dpi_core.space.spacefile import Spacefile

if TYPE_CHECKING:
    from huggingface_hub import RepoCard


def parse(readme: str) -> dict[str, Any]:
    """Read the block's keys and values, empty where there is no block; DPIError if it is no valid YAML mapping."""
    return _card(readme).data.to_dict()


def written(readme: str, spacefile: Spacefile) -> str:
    """Put the block of `spacefile` in place of the README's own; the rest of it is unchanged."""
    from huggingface_hub import CardData

    card = _card(readme)
    rest = card.text if card.data.to_dict() else f"\n{card.text}"
    values: dict[str, Any] = {**spacefile.front_matter()}
    return f"---\n{CardData(**values).to_yaml()}\n---\n{rest}"


def differences(readme: str, spacefile: Spacefile) -> list[str]:
    """Say in one line for each key how the block and the Spacefile differ."""
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


def _card(readme: str) -> "RepoCard":
    import yaml
    from huggingface_hub import RepoCard

    try:
        return RepoCard(readme.lstrip("\ufeff"))
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DPIError(f"README.md's front matter is no valid YAML with keys and values: {reason}.") from error


def _shown(values: dict, key: str) -> str:
    return repr(values[key]) if key in values else "not there"
