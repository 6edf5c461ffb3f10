import numpy as np
import pytest
import torch
from PIL import Image

from dpi_core.imaging.pixels import to_image, to_tensor

EVERY_LEVEL = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)


def test_every_level_survives_the_way_to_a_tensor_and_back():
    assert np.array_equal(np.asarray(to_image(to_tensor(EVERY_LEVEL)[0])), EVERY_LEVEL)


def test_black_is_minus_one_and_white_is_one():
    x = to_tensor(EVERY_LEVEL)
    assert x.shape == (1, 3, 16, 16)
    assert x.dtype == torch.float32
    assert (float(x.min()), float(x.max())) == (-1, 1)


def test_channels_come_first_and_keep_their_order():
    pixels = np.zeros((2, 5, 3), np.uint8)
    pixels[1, 4] = (255, 0, 255)
    x = to_tensor(pixels)
    assert x.shape == (1, 3, 2, 5)
    assert x[0, :, 1, 4].tolist() == [1, -1, 1]


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy, lambda a: Image.fromarray(a)])
def test_arrays_tensors_and_pictures_give_the_same(kind):
    assert torch.equal(to_tensor(kind(EVERY_LEVEL.copy())), to_tensor(EVERY_LEVEL))


def test_a_batch_stays_a_batch():
    batch = np.stack([EVERY_LEVEL, EVERY_LEVEL[::-1]])
    x = to_tensor(batch)
    assert x.shape == (2, 3, 16, 16)
    assert torch.equal(x[1:], to_tensor(EVERY_LEVEL[::-1]))


def test_a_read_only_array_is_not_shared():
    pixels = EVERY_LEVEL.copy()
    x = to_tensor(pixels)
    pixels[:] = 0
    assert float(x.max()) == 1


def test_values_outside_are_clipped_and_halves_rounded():
    x = torch.tensor([-7.0, -1.0, 0.0, 1.0, 1.5]).view(1, 1, 5).expand(3, 1, 5)
    assert np.asarray(to_image(x))[0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_double_precision_can_be_shown():
    assert (np.asarray(to_image(torch.ones(3, 4, 4, dtype=torch.float64))) == 255).all()
