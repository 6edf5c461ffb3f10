"""The ``Spacefile``: one YAML description of the Hugging Face Space, read into a record that validates itself.

What the hub allows is documented at https://huggingface.co/docs/hub/spaces-config-reference.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from dpi_core.errors import DPIError

FILE = "Spacefile"
COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
SDKS = ("gradio",)  # the hub knows others; the app is a Gradio app
MAX_SHORT_DESCRIPTION = 60
ZERO_GPU = "zero-a10g"
ZERO_GPU_PYTHONS = ("3.10", "3.12")
PRELOAD = re.compile(r"[\w.-]+/[\w.-]+( [\w./-]+(,[\w./-]+)*( [0-9a-f]{40})?)?")


@dataclass(frozen=True)
class Spacefile:
    """What the Space is.

    Attributes:
        title: shown on the Space's card.
        emoji: one emoji for the card.
        colour_from, colour_to: the card's gradient, two of `COLOURS`.
        sdk: "gradio".
        sdk_version: the Gradio release the Space runs, such as "6.31.0".
        python_version: "3.10" and newer, as "3.x" or "3.x.y".
        app_file: the file that the Space runs, relative to the project.
        hardware: the hub's name of the suggested machine, such as "cpu-basic" or "zero-a10g".
        licence: the hub's identifier of the code's licence, such as "apache-2.0".
        short_description: at most 60 characters for the card; may be empty.
        preload: hub files that are downloaded when the Space is built, each "OWNER/NAME", "OWNER/NAME FILE,FILE" or
            "OWNER/NAME FILE,FILE COMMIT".

    Raises:
        ValueError: naming the key, its value and what is allowed.
    """

    title: str
    emoji: str
    colour_from: str
    colour_to: str
    sdk: str
    sdk_version: str
    python_version: str
    app_file: str
    hardware: str
    licence: str
    short_description: str = ""
    preload: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field, key in KEYS.items():
            if field != "preload":
                _check_text(key, getattr(self, field), empty=field == "short_description")
        if len(self.emoji) > 8 or any(ord(character) < 0x2000 for character in self.emoji):
            raise DPIError(f"{FILE}: emoji is {self.emoji!r}; allowed is one emoji.")
        _check_choice("colorFrom", self.colour_from, COLOURS)
        _check_choice("colorTo", self.colour_to, COLOURS)
        _check_choice("sdk", self.sdk, SDKS)
        _check_choice("hardware", self.hardware, _hardware())
        if not re.fullmatch(r"\d+\.\d+\.\d+", self.sdk_version):
            raise DPIError(f"{FILE}: sdk_version is {self.sdk_version!r}; allowed is a full version, such as '6.31.0'.")
        if not re.fullmatch(r"3\.\d+(\.\d+)?", self.python_version):
            raise DPIError(f"{FILE}: python_version is {self.python_version!r}; allowed is '3.x' or '3.x.y'.")
        if self.hardware == ZERO_GPU and ".".join(self.python_version.split(".")[:2]) not in ZERO_GPU_PYTHONS:
            raise DPIError(
                f"{FILE}: python_version is {self.python_version!r}; on {ZERO_GPU} (ZeroGPU) allowed is "
                f"{' or '.join(ZERO_GPU_PYTHONS)}."
            )
        path = PurePosixPath(self.app_file)
        if path.is_absolute() or ".." in path.parts or path.suffix != ".py":
            raise DPIError(f"{FILE}: app_file is {self.app_file!r}; allowed is a Python file inside the project.")
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", self.licence):
            raise DPIError(f"{FILE}: license is {self.licence!r}; allowed is an identifier such as 'apache-2.0'.")
        if len(self.short_description) > MAX_SHORT_DESCRIPTION:
            raise DPIError(
                f"{FILE}: short_description has {len(self.short_description)} characters; at most "
                f"{MAX_SHORT_DESCRIPTION} are allowed."
            )
        for entry in self.preload:
            if not isinstance(entry, str) or not PRELOAD.fullmatch(entry):
                raise DPIError(
                    f"{FILE}: preload holds {entry!r}; allowed is 'OWNER/NAME', 'OWNER/NAME FILE,FILE' or "
                    "'OWNER/NAME FILE,FILE COMMIT'."
                )

    def front_matter(self) -> dict[str, str | list[str]]:
        """Return the hub's keys and values for the top of README.md, in the hub's order."""
        values: dict[str, str | list[str]] = {
            HUB_KEYS.get(key, key): getattr(self, field) for field, key in KEYS.items() if getattr(self, field)
        }
        if self.preload:
            values[HUB_KEYS["preload"]] = list(self.preload)
        return values


KEYS = {  # field -> key in the file
    "title": "title",
    "emoji": "emoji",
    "colour_from": "colorFrom",
    "colour_to": "colorTo",
    "sdk": "sdk",
    "sdk_version": "sdk_version",
    "python_version": "python_version",
    "app_file": "app_file",
    "hardware": "hardware",
    "licence": "license",
    "short_description": "short_description",
    "preload": "preload",
}
OPTIONAL = ("short_description", "preload")
HUB_KEYS = {"hardware": "suggested_hardware", "preload": "preload_from_hub"}  # key in the file -> in the front matter


def read_spacefile(root: Path) -> Spacefile:
    """Read the `Spacefile` of the project in `root`.

    Raises:
        ValueError: if it is missing, is no YAML, or holds an unknown key or a value that is not allowed.
    """
    path = root / FILE
    if not path.is_file():
        raise DPIError(f"{path} is missing; it describes the Space (title, emoji, sdk_version, ..).")
    values = parse_mapping(path.read_text(encoding="utf-8"), FILE)
    known = list(KEYS.values())
    unknown = [str(key) for key in values if key not in known]
    if unknown:
        raise DPIError(f"{FILE}: unknown key {unknown[0]!r}; the keys are {', '.join(known)}.")
    missing = [key for key in known if key not in values and key not in OPTIONAL]
    if missing:
        raise DPIError(f"{FILE}: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.")
    preload = values.get("preload") or []
    if not isinstance(preload, list):
        raise DPIError(f"{FILE}: preload is {preload!r}; allowed is a list, such as [] or ['OWNER/NAME FILE'].")
    given = {field: values[key] for field, key in KEYS.items() if key in values}
    return Spacefile(**{**given, "preload": tuple(preload)})


def parse_mapping(text: str, name: str) -> dict[str, Any]:
    """Read YAML text as a mapping; ValueError says what is wrong with it in `name`."""
    import yaml

    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise DPIError(f"{name} is no valid YAML{where}: {getattr(error, 'problem', None) or error}.") from error
    if not isinstance(values, dict):
        raise DPIError(f"{name} holds {type(values).__name__}; expected keys and values, such as 'sdk: gradio'.")
    return values


def _check_text(key: str, value: object, *, empty: bool) -> None:
    if isinstance(value, int | float):
        raise DPIError(f"{FILE}: {key} is the number {value!r}; put it in quotes, since YAML reads 3.10 as 3.1.")
    if not isinstance(value, str) or "\n" in value or not (value.strip() or empty):
        raise DPIError(f"{FILE}: {key} is {value!r}; allowed is one line of text.")


def _check_choice(key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise DPIError(f"{FILE}: {key} is {value!r}; allowed is one of {', '.join(allowed)}.")


def _hardware() -> tuple[str, ...]:
    from huggingface_hub import SpaceHardware

    return tuple(item.value for item in SpaceHardware)
