from dataclasses import fields

import gradio as gr
import pytest
from jsonschema import Draft202012Validator, ValidationError, validate

from dpi_core import DPIConfig
from dpi_core.web import api_schema
from dpi_core.web.api_schema import FACE, FOUND, ONE_FACE, SCALE, SEED, SEEDS, STATUS, config_schema, typed


@pytest.mark.parametrize("schema", [FACE, FOUND, ONE_FACE, SCALE, SEED, SEEDS, STATUS, config_schema()])
def test_each_is_a_valid_schema(schema):
    Draft202012Validator.check_schema(schema)


def test_the_settings_schema_names_every_field_with_its_default():
    schema = config_schema()
    assert set(schema["properties"]) == {field.name for field in fields(DPIConfig)}
    defaults = {name: field["default"] for name, field in schema["properties"].items()}
    assert DPIConfig.from_dict(defaults) == DPIConfig()
    validate(defaults, schema)
    validate({}, schema)
    with pytest.raises(ValidationError):
        validate({"tau": "low"}, schema)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (SEED, [0, 5], [-1, 1.5, None]),
        (SEEDS, [None, [0, 1], list(range(16))], [[0], list(range(17)), 3]),
        (SCALE, [None, 4, 8, 16], ["8", [8]]),
        (FACE, [None, 0, [0, 2], "all"], [-1, [[0]], {"face": 1}]),
        (ONE_FACE, [None, 2], [[0], "all"]),
    ],
)
def test_what_an_endpoint_takes_fits_its_schema(schema, good, bad):
    for value in good:
        validate(value, schema)
    for value in bad:
        with pytest.raises(ValidationError):
            validate(value, schema)


def test_a_component_keeps_its_kind():
    plain, ours = gr.JSON(), typed(gr.JSON(), SEEDS, [0, 1])
    assert ours.api_info() == SEEDS
    assert ours.example_inputs() == [0, 1]
    assert ours.get_block_name() == plain.get_block_name()
    assert plain.api_info() not in [value for value in vars(api_schema).values() if isinstance(value, dict)]
