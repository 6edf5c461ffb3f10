"""The ``Spacefile``: one YAML description of the Hugging Face Space, read into a record that validates itself.

What the hub allows is documented at https://huggingface.co/docs/hub/spaces-config-reference.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from huggingface_hub import SpaceHardware
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dpi_core.errors import DPIError

FILE = "Spacefile"
ZERO_GPU = "zero-a10g"
ZERO_GPU_PYTHONS = ("3.10", "3.12")
LINE = r"^.*\S.*$"
PRELOAD = r"^[\w.-]+/[\w.-]+( [\w./-]+(,[\w./-]+)*( [0-9a-f]{40})?)?$"
FORMS = "'OWNER/NAME', 'OWNER/NAME FILE,FILE' or 'OWNER/NAME FILE,FILE COMMIT'"
Colour = Literal["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"]
COLOURS = f"one of {', '.join(get_args(Colour))}"
MACHINES = f"one of {', '.join(machine.value for machine in SpaceHardware)}"


class Spacefile(BaseModel):
    """What the Space is: the keys of the file, each described by what is allowed.

    `hardware` is the hub's name of the suggested machine, `preload` lists the hub's files that are downloaded when the Space is
    built. In the front matter these two have other names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=True)

    title: str = Field(pattern=LINE, description="one line of text")
    emoji: str = Field(pattern=r"^[\x{2000}-\x{10ffff}]{1,8}$", description="one emoji")
    colour_from: Colour = Field(alias="colorFrom", description=COLOURS)
    colour_to: Colour = Field(alias="colorTo", description=COLOURS)
    sdk: Literal["gradio"] = Field(description="one of gradio")  # the hub knows others; the app is a Gradio app
    sdk_version: str = Field(pattern=r"^\d+\.\d+\.\d+$", description="a full version, such as '6.31.0'")
    python_version: str = Field(pattern=r"^3\.\d+(\.\d+)?$", description="'3.x' or '3.x.y'")
    app_file: str = Field(pattern=r"^(\.?[^/.][^/]*/)*[^/]+\.py$", description="a Python file inside the project")
    hardware: SpaceHardware = Field(serialization_alias="suggested_hardware", description=MACHINES)
    licence: str = Field(
        alias="license", pattern=r"^[a-z0-9][a-z0-9.-]*$", description="an identifier such as 'apache-2.0'"
    )
    short_description: str = Field("", max_length=60, pattern=r"^.*$", description="one line of text")
    preload: tuple[Annotated[str, StringConstraints(pattern=PRELOAD)], ...] = Field(
        (), serialization_alias="preload_from_hub", description="a list, such as [] or ['OWNER/NAME FILE']"
    )

    def front_matter(self) -> dict[str, str | list[str]]:
        """Return the hub's keys and values for the top of README.md, in the hub's order."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


ALLOWED = {field.alias or name: field.description for name, field in Spacefile.model_fields.items()}


def read_spacefile(root: Path) -> Spacefile:
    """Read the `Spacefile` of the project in `root`.

    Raises:
        ValueError: if it is missing, is no YAML, or holds an unknown key or a value that is not allowed.
    """
    path = root / FILE
    if not path.is_file():
        raise DPIError(f"{path} is missing; it describes the Space (title, emoji, sdk_version, ..).")
    values = _mapping(path.read_text(encoding="utf-8"))
    given = {str(key): value for key, value in values.items() if value is not None}
    try:
        spacefile = Spacefile.model_validate(given)
    except ValidationError as error:
        raise DPIError(f"{FILE}: {_in_words(error)}") from error
    version = spacefile.python_version
    if spacefile.hardware == ZERO_GPU and ".".join(version.split(".")[:2]) not in ZERO_GPU_PYTHONS:
        allowed = " or ".join(ZERO_GPU_PYTHONS)
        raise DPIError(f"{FILE}: python_version is {version!r}; on {ZERO_GPU} (ZeroGPU) allowed is {allowed}.")
    return spacefile


def _mapping(text: str) -> dict[Any, Any]:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise DPIError(f"{FILE} is no valid YAML{where}: {getattr(error, 'problem', None) or error}.") from error
    if not isinstance(values, dict):
        raise DPIError(f"{FILE} holds {type(values).__name__}; expected keys and values, such as 'sdk: gradio'.")
    return values


def _in_words(invalid: ValidationError) -> str:
    """Say the first thing that is wrong: an unknown key, keys that are missing, or a value that is not allowed."""
    errors = {error["type"]: error for error in reversed(invalid.errors())}
    if "extra_forbidden" in errors:
        return f"unknown key {str(errors['extra_forbidden']['loc'][0])!r}; the keys are {', '.join(ALLOWED)}."
    missing = [str(error["loc"][0]) for error in invalid.errors() if error["type"] == "missing"]
    if missing:
        return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
    error = invalid.errors()[0]
    (key, *place), value = error["loc"], error["input"]
    if place:
        return f"{key} holds {value!r}; allowed is {FORMS}."
    if isinstance(value, int | float):
        return f"{key} is the number {value!r}; put it in quotes, since YAML reads 3.10 as 3.1."
    if error["type"] == "string_too_long":
        return f"{key} has {len(value)} characters; at most {error['ctx']['max_length']} are allowed."
    return f"{key} is {value!r}; allowed is {ALLOWED[str(key)]}."
