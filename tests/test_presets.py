import json
from dataclasses import replace

import pytest

from dpi_core import DPIConfig
from dpi_core.models.presets import (
    ALIASES,
    DEFAULT_PRESET,
    LARGE,
    NAMES,
    PRESETS,
    SMALL,
    TABLES,
    find_preset,
    name_of,
    presets_for,
    side_of,
)
from dpi_core.weights.layout import read_layout

ROWS = [(side, name) for side, table in TABLES.items() for name in table]


@pytest.mark.parametrize("side", TABLES)
def test_every_size_of_prior_has_the_three_strengths_and_the_published_setting(side):
    assert list(TABLES[side])[:3] == ["mild", "medium", "heavy"]
    assert DEFAULT_PRESET in TABLES[side]
    assert DPIConfig() in [preset.config for preset in TABLES[side].values()]


@pytest.mark.parametrize("side", TABLES)
def test_presets_of_a_table_differ_from_each_other(side):
    configs = [config for config, _ in TABLES[side].values()]
    assert len(set(configs)) == len(configs)


@pytest.mark.parametrize("side", TABLES)
def test_a_stronger_damage_gives_racm_more_steps(side):
    assert TABLES[side]["mild"].config.tau <= TABLES[side]["medium"].config.tau < TABLES[side]["heavy"].config.tau


def test_a_damaged_input_is_not_agreed_with_as_it_is():
    mild, medium, heavy = (TABLES[SMALL][name].config for name in ("mild", "medium", "heavy"))
    assert mild.consistent_below > 0
    assert not mild.correct_input
    assert medium.consistent_below == 0 or medium.correct_input
    assert heavy.consistent_below == 0 or heavy.correct_input


@pytest.mark.parametrize("side", TABLES)
def test_fine_is_medium_in_shorter_steps(side):
    fine, medium = TABLES[side]["fine"].config, TABLES[side]["medium"].config
    assert fine.steps > medium.steps
    assert replace(fine, steps=medium.steps) == medium


def test_old_names_still_stand_for_their_settings():
    assert PRESETS["balanced"] is PRESETS["medium"]
    assert PRESETS["faithful"] is PRESETS["mild"]
    assert PRESETS["free"] is PRESETS["heavy"]
    assert PRESETS["published"].config == DPIConfig()
    assert set(PRESETS) == set(NAMES) >= set(ALIASES)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_known_for_every_prior(name):
    for prior in ("embedded", "ffhq-256"):
        assert find_preset(name, prior) in presets_for(prior).values()


def test_an_unknown_name_is_told_with_those_there_are():
    with pytest.raises(ValueError, match=r"preset is 'wild'; allowed is one of mild, medium, heavy"):
        find_preset("wild")


def test_settings_are_named_by_the_preset_they_are():
    for side, name in ROWS:
        assert name_of(TABLES[side][name].config, TABLES[side]) == name
    assert name_of(DPIConfig(tau=7), TABLES[SMALL]) is None


def test_the_size_of_a_prior_is_told_without_loading_it(tmp_path):
    assert side_of("embedded") == SMALL
    assert side_of("google/ddpm-ema-celebahq-256") == LARGE
    (tmp_path / "config.json").write_text(json.dumps({"sample_size": 64}))
    assert side_of(str(tmp_path)) == 64
    (tmp_path / "prior.json").write_text(json.dumps({"image_size": 512}))
    assert side_of(str(tmp_path)) == 512
    assert presets_for(str(tmp_path)) is TABLES[LARGE]
    (tmp_path / "prior.json").write_text("[]")
    assert side_of(str(tmp_path)) == LARGE  # it does not load either


@pytest.mark.parametrize("size", [64, [64, 64]])
def test_a_pipelines_folder_has_the_side_that_it_loads_with(tmp_path, size):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text(json.dumps({"sample_size": size}))
    assert read_layout(tmp_path).description["image_size"] == 64
    assert side_of(str(tmp_path)) == 64
    assert presets_for(str(tmp_path)) is TABLES[SMALL]
