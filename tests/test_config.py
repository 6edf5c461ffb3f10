import dataclasses

import pytest

from dpi_core import DPIConfig
from dpi_core.method.config import DEFAULTS, SETTINGS, kind_of


def test_defaults_are_the_published_ddim_setting():
    assert dataclasses.asdict(DPIConfig()) == {
        "steps": 20, "tau": 350, "sparsity": 2, "edge_exponent": 1.4, "omega": 1500.0, "eta": 0.0, "correct": True,
        "raw_eps": False,
        "project": False, "correct_every": 1, "consistent_below": 0, "noise_level": 0.0, "correct_input": False,
        "spacing": 1.0, "uniform_mask": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("steps", 0, "from 1 to 1000"),
        ("steps", 1001, "from 1 to 1000"),
        ("steps", 20.0, "whole number"),
        ("steps", True, "whole number"),
        ("tau", -1, "from 0 to 1000"),
        ("tau", 1001, "from 0 to 1000"),
        ("tau", "350", "whole number"),
        ("sparsity", 0, "from 1 to 8"),
        ("sparsity", 16, "from 1 to 8"),
        ("edge_exponent", 0.0, "from 0.1 to 10"),
        ("edge_exponent", float("nan"), "from 0.1 to 10"),
        ("omega", 0, "from 1 to 1e+06"),
        ("omega", float("inf"), "from 1 to 1e+06"),
        ("eta", -0.1, "from 0 to 1"),
        ("eta", 1.1, "from 0 to 1"),
        ("correct", "yes", "True or False"),
        ("raw_eps", 1, "True or False"),
        ("project", "yes", "True or False"),
        ("correct_every", 0, "from 1 to 1000"),
        ("correct_every", 2.0, "whole number"),
    ],
)
def test_a_wrong_value_names_field_value_and_range(field, value, allowed):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is checked below
        DPIConfig(**{field: value})
    assert field in str(error.value)
    assert repr(value) in str(error.value)
    assert allowed in str(error.value)


def test_it_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        DPIConfig().tau = 3


def test_from_dict_keeps_defaults_and_names_an_unknown_field():
    assert DPIConfig.from_dict({"tau": 150}) == DPIConfig(tau=150)
    with pytest.raises(ValueError, match=r"no field 'taus'; the fields are steps, tau"):
        DPIConfig.from_dict({"taus": 150})


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_is_described_once_and_agrees_with_its_check(name):
    setting = SETTINGS[name]
    assert setting.help.endswith(".")
    assert name in DEFAULTS
    if setting.low is None:
        assert DPIConfig(**{name: not DEFAULTS[name]})
        return
    low, high = setting.slider
    assert setting.low <= low < high <= setting.high
    for value in (*setting.slider, setting.low, setting.high, *setting.explored):
        assert getattr(DPIConfig(**{name: kind_of(name)(value)}), name) == value
    for value in (setting.low - 1, setting.high + 1):
        with pytest.raises(ValueError, match=name):
            DPIConfig(**{name: kind_of(name)(value)})
