"""Settings by the face: damage told from its copy, tau from the detail it holds, and what the page and the command line do."""

import argparse
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
import torch
from conftest import EXAMPLES

from dpi_core import DPIConfig
from dpi_core.commands.options import SeedCount, add_run_options, request_from, settled
from dpi_core.imaging.degradation import Degradation, downscale
from dpi_core.imaging.pixels import to_tensor
from dpi_core.measure.held_detail import held_scale
from dpi_core.measure.input_damage import damage_of, fine_colour
from dpi_core.method.resampling import dense_condition
from dpi_core.models.presets import AUTOMATIC, TABLES, find_preset, fitted
from dpi_core.restore.automatic import automatic
from dpi_core.web.events import FIELDS
from dpi_core.web.preset_choice import AUTO_TEXT, on_follow, on_opened, on_preset

EXAMPLE_FILES = sorted(path.name for path in EXAMPLES.iterdir() if path.suffix in (".jpg", ".png"))


@pytest.fixture(scope="module")
def face(restorer, astronaut) -> np.ndarray:
    return restorer.prepare(astronaut).jobs[0].crop


@pytest.mark.parametrize(
    ("degradation", "expected"),
    [
        (Degradation(scale=4), "none"),
        (Degradation(scale=8), "none"),
        (Degradation(scale=4, noise=15), "noisy"),
        (Degradation(scale=8, noise=15), "noisy"),
        (Degradation(scale=4, jpeg=40), "compressed"),
        (Degradation(scale=8, blur=2, noise=8, jpeg=60), "compressed"),
    ],
)
def test_damage_is_told(face, degradation, expected):
    low = to_tensor(degradation.apply(face, np.random.default_rng(0)))
    dense = dense_condition(low, 128, 128)
    scale = held_scale(dense)
    assert damage_of(downscale(dense, scale), scale) == expected


def test_of_a_grey_face_nothing_is_told(face):
    grey = to_tensor(np.repeat(face.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8))
    assert fine_colour(downscale(grey, 4)) == pytest.approx(0, abs=1e-4)
    assert damage_of(downscale(grey, 4), 4) == "unknown"


def test_fine_colour_counts_colour_alone_and_within_the_face():
    generator = torch.Generator().manual_seed(0)
    light = torch.rand(1, 1, 32, 32, generator=generator).expand(1, 3, 32, 32)
    assert fine_colour(light) == pytest.approx(0, abs=1e-4)
    edge = torch.zeros(1, 3, 32, 32)
    edge[:, 0, :6] = torch.rand(6, 32, generator=generator)
    assert fine_colour(edge) == 0
    assert fine_colour(2 * torch.rand(1, 3, 32, 32, generator=generator)) > 50


def test_an_undamaged_face_is_agreed_with_and_a_damaged_one_mended():
    for scale in (2, 4, 8, 16):
        whole, damaged = fitted(scale, False, "embedded"), fitted(scale, True, "embedded")
        assert not whole.correct_input
        assert whole.consistent_below == 1000
        assert damaged == replace(whole, correct_input=True)
        assert damaged.correct_input
    assert fitted(8, True, "embedded") == find_preset("medium").config
    assert fitted(4, False, "embedded").tau < fitted(8, False, "embedded").tau


@pytest.mark.parametrize("scale", [2, 4, 8, 16])
@pytest.mark.parametrize("damaged", [True, False])
def test_a_large_prior_gets_settings_of_its_own_table(scale, damaged):
    assert fitted(scale, damaged, "ffhq-256") in [preset.config for preset in TABLES[256].values()]


def test_the_choice_says_what_was_seen(restorer, astronaut):
    choice = automatic(restorer.prepare(astronaut, scale=4))
    assert choice.config == fitted(4, False, "embedded")
    assert "32 pixels of detail" in choice.line
    assert f"tau {choice.config.tau}" in choice.line


def test_the_worn_example_and_the_tiny_one_are_mended_and_the_good_ones_are_kept_to(restorer):
    told = {name: automatic(restorer.prepare(EXAMPLES / name)) for name in EXAMPLE_FILES}
    assert told["grace-hopper-worn.jpg"].config.correct_input
    assert "soft for its size" in told["grace-hopper-worn.jpg"].line
    assert told["astronaut-tiny.png"].config.correct_input
    assert "small in the photo" in told["astronaut-tiny.png"].line
    for name in set(told) - {"grace-hopper-worn.jpg", "astronaut-tiny.png"}:
        assert not told[name].config.correct_input, name


def test_a_simulated_reduction_is_not_taken_for_blur(restorer, astronaut):
    assert not any(job.soft for scale in (4, 8, 16) for job in restorer.prepare(astronaut, scale=scale).jobs)


def command_line(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_run_options(parser, SeedCount(1, 4, 1))
    return parser.parse_args([*words])


@pytest.mark.parametrize(
    ("words", "usual", "tau"),
    [
        ((), AUTOMATIC, 200),
        ((), "medium", 350),
        (("--preset", "auto"), "medium", 200),
        (("--preset", "heavy"), AUTOMATIC, 450),
        (("--tau", "123"), AUTOMATIC, 123),
    ],
)
def test_the_command_line_asks_for_auto_by_name_or_by_custom(restorer, astronaut, words, usual, tau):
    args = command_line(*words)
    request = request_from(args, SeedCount(1, 4, 1))
    found, line = settled(args, request, restorer.prepare(astronaut, scale=4), usual)
    assert found.config.tau == tau
    assert bool(line) == (args.preset == AUTOMATIC or (not args.preset and usual == AUTOMATIC))
    assert not line or line.startswith(f"Auto, tau {tau}: ")
    assert ("as asked" in line) == bool(args.tau)


def test_what_is_asked_for_over_auto_is_said(restorer, astronaut):
    args = command_line("--eta", "0.5", "--no-correct")
    _, line = settled(args, request_from(args, SeedCount(1, 4, 1)), restorer.prepare(astronaut, scale=4), AUTOMATIC)
    assert line.endswith(", but eta 0.5, CRT off as asked.")


def test_settings_of_a_file_are_not_fitted(restorer, astronaut, tmp_path):
    path = tmp_path / "face.png"
    from dpi_core.imaging.pictures import save_png

    result = restorer.restore(astronaut, DPIConfig(steps=2, tau=77)).results[0]
    save_png(result.image, path, result.settings)
    args = command_line("--settings", str(path))
    found, line = settled(
        args, request_from(args, SeedCount(1, 4, 1)), result_preparation(restorer, astronaut), AUTOMATIC
    )
    assert (found.config.tau, line) == (77, "")


def result_preparation(restorer, astronaut):
    return restorer.prepare(astronaut)


def test_on_the_page_auto_waits_for_a_face_and_stays_until_a_hand_moves_something():
    presets = TABLES[128]
    start = [getattr(presets["medium"].config, field) for field in FIELDS]
    *values, radio = on_preset(presets, AUTOMATIC)
    assert radio.info == AUTO_TEXT
    assert len(values) == len(FIELDS)
    other = [getattr(presets["heavy"].config, field) for field in FIELDS]
    assert on_opened(presets, AUTOMATIC, *start) == gr.skip()
    assert on_opened(presets, AUTOMATIC, *other).value == "heavy"
    assert on_follow(presets, AUTOMATIC, *start).value == "medium", "a hand or a file moved it there"


def test_a_number_is_written_one_way_whoever_gives_it():
    assert DPIConfig(omega=1500) == DPIConfig(omega=1500.0)
    assert type(DPIConfig(omega=1500).omega) is float
