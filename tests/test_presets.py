import pytest

from dpi_core import DPIConfig
from dpi_core.presets import DEFAULT_PRESET, PRESETS


def test_the_default_is_one_of_them():
    assert DEFAULT_PRESET in PRESETS


def test_the_published_setting_is_the_configs_default():
    assert PRESETS["published"][0] == DPIConfig()


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_a_setting_with_a_line_about_it(name):
    config, line = PRESETS[name]
    assert isinstance(config, DPIConfig)
    assert line.strip()
    assert "\n" not in line


def test_presets_differ_from_each_other():
    configs = [config for config, _ in PRESETS.values()]
    assert len(set(configs)) == len(configs)


def test_faithful_never_reaches_racm():
    assert PRESETS["faithful"][0].tau == 0
