"""The landmark network and the crops that teach it: conventions of coordinates, independence of the batch."""

import numpy as np
import pytest
import skimage.data
import torch

from dpi_core.faces.align import transform
from dpi_core.faces.landmark_net import (
    CROP_SIZE,
    FRAME,
    SWAPPED,
    LandmarkNet,
    embedded_landmark_net,
    frame_of,
    predict_points,
)
from dpi_core.faces.templates import TIGHT_200
from dpi_core.training.landmark_crops import negative_crop, positive_crop
from dpi_core.training.landmarks import export, landmark_loss

EYES = np.array([[202.5, 100.4], [246.8, 102.5]])  # the astronaut's pupils


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    """The matrix that puts the astronaut's face before the network."""
    template = TIGHT_200.array()
    ratio = np.linalg.norm(EYES[1] - EYES[0]) / np.linalg.norm(template[1] - template[0])
    return frame_of((template - template[:2].mean(axis=0)) * ratio + EYES.mean(axis=0))


def test_a_batch_answers_as_its_members_do():
    crops = torch.rand(5, 3, CROP_SIZE, CROP_SIZE) * 2 - 1
    network = embedded_landmark_net()
    points, scores = network(crops)
    for i in range(5):
        alone = network(crops[i : i + 1])
        assert torch.allclose(points[i], alone[0][0], atol=1e-5)
        assert torch.allclose(scores[i], alone[1][0], atol=1e-4)


def test_points_come_back_in_the_photo_s_pixels(frame):
    image = skimage.data.astronaut()
    points, scores = predict_points(embedded_landmark_net(), image, [frame])
    assert np.abs(points[0, :2] - EYES).max() < 4
    assert scores[0] > 0.9


def test_a_moved_photo_moves_the_points(frame):
    image = skimage.data.astronaut()
    moved = np.roll(image, (9, -13), axis=(0, 1))
    after = frame.copy()
    after[:, 2] -= frame[:, :2] @ np.array([-13, 9])
    here, _ = predict_points(embedded_landmark_net(), image, [frame])
    there, _ = predict_points(embedded_landmark_net(), moved, [after])
    assert np.abs(there - here - (-13, 9)).max() < 0.2


def test_a_mirrored_photo_has_the_mirrored_points(frame):
    image = skimage.data.astronaut()
    linear, shift = frame[:, :2] * [[1, -1], [-1, 1]], frame[:, 2] + 511 * frame[:, 0]
    after = np.column_stack([linear, (CROP_SIZE - 1 - shift[0], shift[1])])  # the same crop, mirrored
    here, score = predict_points(embedded_landmark_net(), image, [frame], mirrored=True)
    there, again = predict_points(embedded_landmark_net(), image[:, ::-1].copy(), [after], mirrored=True)
    assert np.abs((there * (-1, 1) + (511, 0))[:, SWAPPED] - here).max() < 0.1
    assert np.allclose(score, again, atol=0.005)


def test_looking_twice_averages_the_two_answers():
    class Leans(torch.nn.Module):
        def forward(self, crops):
            centre = torch.zeros(len(crops), 5, 2) + torch.tensor([0.1, 0.2])
            return centre, torch.arange(len(crops)).float()

    image = np.zeros((64, 64, 3), np.uint8)
    points, _ = predict_points(Leans(), image, [np.eye(2, 3)], mirrored=True)
    assert np.allclose(points, np.array([0, 0.2]) * CROP_SIZE / 2 + (CROP_SIZE - 1) / 2)


def test_no_crops_no_points():
    points, scores = predict_points(embedded_landmark_net(), np.zeros((9, 9, 3), np.uint8), [])
    assert points.shape == (0, 5, 2)
    assert scores.shape == (0,)


def test_the_frame_holds_the_face_in_its_middle():
    points = FRAME.array() * 3 + 7  # a face of its proportions, elsewhere and larger
    assert np.allclose(transform(points, frame_of(points)), FRAME.array(), atol=1e-9)
    template = TIGHT_200.array()  # the crop's own points, a little off: a later mean
    assert np.abs(transform(template, frame_of(template)) - FRAME.array()).max() < 1
    assert np.abs(FRAME.array().mean(axis=0) - (CROP_SIZE - 1) / 2).max() < 3


def test_training_crops():
    rng = np.random.default_rng(0)
    face = skimage.data.astronaut()[20:220, 125:325]
    picture = skimage.data.coffee()
    for _ in range(40):
        crop, points = positive_crop(face, TIGHT_200.array(), picture, rng)
        assert crop.shape == (CROP_SIZE, CROP_SIZE, 3)
        assert crop.dtype == np.uint8
        assert points[0, 0] < points[1, 0]  # left stays left, mirrored or not
        assert points[3, 0] < points[4, 0]
        assert points[:2, 1].mean() < points[3:, 1].mean()
        assert negative_crop(face, picture, rng, face[:96, :96]).shape == crop.shape


def test_the_loss_falls_to_nothing_where_the_answer_is_right():
    class Knows(torch.nn.Module):
        def forward(self, crops):
            points = (torch.as_tensor(FRAME.array()).float() + 0.5) / (CROP_SIZE / 2) - 1
            return points.repeat(len(crops), 1, 1), torch.tensor([20.0, -20.0])

    pixels = np.zeros(CROP_SIZE * CROP_SIZE * 3)
    face = np.concatenate([pixels, FRAME.array().ravel(), [1]])
    other = np.concatenate([pixels, np.zeros(10), [0]])
    loss = landmark_loss(Knows(), torch.as_tensor(np.stack([face, other])).float())
    assert float(loss) < 1e-6


def test_export_round_trip(tmp_path):
    from safetensors.torch import load_file

    network = LandmarkNet().eval()
    export(network, tmp_path / "net.safetensors")
    assert (tmp_path / "net.safetensors").stat().st_size < 1_000_000
    again = LandmarkNet().eval()
    again.load_state_dict(
        {name: value.float() for name, value in load_file(tmp_path / "net.safetensors").items()}, strict=False
    )
    crops = torch.rand(2, 3, CROP_SIZE, CROP_SIZE)
    assert torch.allclose(network(crops)[0], again(crops)[0], atol=5e-3)
