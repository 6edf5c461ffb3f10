"""What the HTTP endpoints take and give, as JSON Schema: for clients' type hints and for language models over MCP.

Gradio describes a JSON field as ``{"type": {}}``, which is no valid schema: an MCP server that checks its calls refuses all of
them. `typed` gives a component a schema of its own.
"""

from typing import Any, TypeVar

from gradio.components import Component

from dpi_core.method.config import DEFAULTS, SETTINGS, kind_of

Schema = dict[str, Any]
AnyComponent = TypeVar("AnyComponent", bound=Component)

MAX_SEEDS = 16
NAMES = {bool: "boolean", int: "integer", float: "number"}
NULL: Schema = {"type": "null"}
INDEX: Schema = {"type": "integer", "minimum": 0}
NUMBERS: Schema = {"type": "array", "items": {"type": "number"}}

SEED: Schema = INDEX
SEEDS: Schema = {"anyOf": [{"type": "array", "items": INDEX, "minItems": 2, "maxItems": MAX_SEEDS}, NULL]}
SCALE: Schema = {"anyOf": [{"type": "integer"}, NULL]}  # no enum: gradio_client would show its numbers as texts
FACE: Schema = {"anyOf": [INDEX, {"type": "array", "items": INDEX}, {"type": "string"}, NULL]}
ONE_FACE: Schema = {"anyOf": [INDEX, NULL]}
STATUS: Schema = {
    "type": "object",
    "properties": {
        "done": {"type": "boolean"},
        "face": INDEX,
        "step": {"type": "integer"},
        "total": {"type": "integer"},
        "t": {"type": "integer"},
        "stage": {"type": "string"},
        "seconds": {"type": "number"},
        "note": {"type": "string"},
        "faces": {"type": "array", "items": {"type": "object"}},
        "diversity": {"type": "number"},
    },
}
FOUND: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "box": NUMBERS,
            "points": {"type": "array", "items": NUMBERS},
            "score": {"type": "number"},
            "detector": {"type": "string"},
        },
    },
}


def config_schema() -> Schema:
    """Describe the fields of `DPIConfig`: type, default, range and help; none is required."""
    properties = {}
    for name, setting in SETTINGS.items():
        # The range is told in words: a client that checked it would answer with a sentence that names no setting.
        allowed = "" if setting.low is None else f"{setting.low:g} to {setting.high:g}. "
        properties[name] = {
            "type": NAMES[kind_of(name)],
            "default": DEFAULTS[name],
            "description": f"{allowed}{setting.help}",
        }
    return {"type": "object", "properties": properties}


def typed(component: AnyComponent, schema: Schema, example: Any) -> AnyComponent:
    """Give the component a JSON Schema and an example for the API's documentation in place of its general ones."""
    component.api_info = lambda: schema  # type: ignore[method-assign]
    component.example_payload = lambda: example  # type: ignore[method-assign]
    return component
