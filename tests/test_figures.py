import numpy as np
import pytest
import torch
from PIL import Image

from dpi_core.imaging.pixels import to_image, to_tensor
from dpi_core.method.sampler import StepEvent
from dpi_core.show.figures import (
    FCM_COLOUR,
    POINTS,
    RACM_COLOUR,
    condition_image,
    grid_sheet,
    heat_map,
    labelled_sheet,
    mask_overlay,
    stage_colour,
)


def step_event(stage="FCM", size=16, k=2, samples=2) -> StepEvent:
    generator = torch.Generator().manual_seed(0)
    x0 = torch.rand((samples, 3, size, size), generator=generator) * 2 - 1
    mask = torch.zeros(samples, 1, size, size, dtype=torch.bool)
    mask[..., ::k, ::k] = True
    condition = torch.rand((samples, 3, -(-size // k), -(-size // k)), generator=generator) * 2 - 1
    return StepEvent(0, 20, 950, stage, x0, x0, mask, condition)


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (6, 3, 2), (7, 3, 3), (2, 4, 1)])
def test_a_sheet_holds_every_image_in_reading_order_on_white(count, columns, rows):
    images = [torch.full((3, 4, 5), i / 10 - 0.8) for i in range(count)]
    sheet = np.asarray(grid_sheet(images, columns))
    assert sheet.shape == (rows * 4, columns * 5, 3)
    for i in range(columns * rows):
        tile = sheet[i // columns * 4 :, i % columns * 5 :][:4, :5]
        if i < count:
            assert np.abs(to_tensor(tile)[0] - images[i]).max() < 1 / 127
        else:
            assert (tile == 255).all()


def test_each_stage_has_its_colour():
    assert stage_colour("FCM") == FCM_COLOUR
    assert stage_colour("RACM") == stage_colour("final") == RACM_COLOUR
    assert FCM_COLOUR != RACM_COLOUR


def test_the_overlay_marks_the_tied_pixels_of_fcm_and_no_others():
    event = step_event("FCM")
    overlay = np.asarray(mask_overlay(event))
    tied = event.mask[0, 0].numpy()
    assert overlay.shape == (16, 16, 3)
    assert (overlay[tied] == POINTS[FCM_COLOUR]).all()
    others = overlay[~tied]
    assert (others == others[:, :1]).all()  # grey
    assert others.max() <= 255 * 0.45 + 1


def test_the_overlay_fills_the_cell_of_each_pixel_that_racm_holds():
    event = step_event("RACM")
    k = event.x0.shape[-1] // event.condition.shape[-1]
    tied = event.mask[0, 0].numpy()
    cells = np.kron(tied[::k, ::k], np.ones((k, k), bool))
    assert ((np.asarray(mask_overlay(event)) == POINTS[RACM_COLOUR]).all(axis=-1) == cells).all()


def test_the_overlay_shows_the_face_between_the_tied_pixels():
    event = step_event()
    nothing_tied = StepEvent(0, 20, 0, "final", event.x_t, event.x0, torch.zeros_like(event.mask), event.condition)
    overlay = np.asarray(mask_overlay(nothing_tied, sample=1))[..., 0] / 0.45
    weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    grey = ((event.x0[1] * weights).sum(dim=0) + 1).numpy() * 127.5
    assert np.abs(overlay - grey).max() < 2.5


@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_the_condition_is_shown_with_each_grid_pixel_as_a_block(k):
    event = step_event(k=k)
    shown = to_tensor(np.asarray(condition_image(event, sample=1)))
    assert shown.shape == (1, 3, 16, 16)
    for dy, dx in ((0, 0), (k - 1, k - 1)):
        assert (shown[0, :, dy::k, dx::k] - event.condition[1]).abs().max() < 1 / 127


def test_a_condition_whose_grid_does_not_divide_the_image_fills_it_too():
    assert condition_image(step_event(k=3)).size == (16, 16)


def test_a_heat_map_is_brighter_where_values_are_higher_and_ends_at_its_top():
    values = torch.linspace(0, 2, 64)[None].expand(8, -1)
    pixels = np.asarray(heat_map(values, top=1.0).convert("L"), int)
    assert pixels.shape == (8, 64)
    assert (np.diff(pixels[0, :32]) >= 0).all()
    assert pixels[0, 0] < 5
    assert (pixels[:, 32:] == pixels[0, -1]).all()
    assert pixels[0, -1] > 200


def test_a_heat_map_over_a_face_shows_the_face_where_nothing_varies():
    face = torch.rand(3, 8, 8) * 2 - 1
    shown = np.asarray(heat_map(torch.zeros(8, 8), 1.0, face), int)
    grey = np.asarray(to_image(face).convert("L"), int)
    assert np.abs(shown[..., 0] - 0.7 * grey).max() <= 1
    hot = heat_map(torch.ones(8, 8), 1.0, face)
    assert np.array_equal(np.asarray(hot), np.asarray(heat_map(torch.ones(8, 8), 1.0)))


def test_nothing_varies_anywhere_is_no_error():
    assert np.asarray(heat_map(torch.zeros(4, 4), 0.0)).max() < 5


def test_a_labelled_sheet_holds_every_picture_above_its_label():
    colours = ["red", "green", "blue"]
    sheet = labelled_sheet([Image.new("RGB", (64, 48), c) for c in colours], ["a", "seed 12", "x" * 99], 2)
    cell = sheet.height // 2
    assert sheet.width == 128
    assert cell > 48
    for i, colour in enumerate(colours):
        x, y = i % 2 * 64, i // 2 * cell
        assert sheet.getpixel((x + 30, y + 20)) == Image.new("RGB", (1, 1), colour).getpixel((0, 0))
        label = np.asarray(sheet.crop((x, y + 48, x + 64, y + cell)))
        assert label.min() < 100
    assert np.asarray(sheet.crop((64, cell, 128, 2 * cell))).min() == 255  # the fourth place is empty
