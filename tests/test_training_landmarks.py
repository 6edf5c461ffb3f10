"""Labels that follow the photograph, points files, and the figures of the landmark network's card."""

import json

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from dpi_core.faces import embedded
from dpi_core.faces.face import Face
from dpi_core.faces.landmark_net import CROP_SIZE, SWAPPED, LandmarkNet
from dpi_core.faces.templates import TIGHT_200
from dpi_core.training import landmark_figures, landmark_labels, landmarks
from dpi_core.training.landmark_figures import against_yunet, hit_scores, measure
from dpi_core.training.landmark_labels import (
    consensus,
    disagreement,
    distance,
    load_faces,
    read_points,
    shown,
    views_of,
)

TEMPLATE = TIGHT_200.array()
COLOURS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)])


def dotted(points: np.ndarray, side: int = 200) -> np.ndarray:
    """A grey photograph with a dot of its own colour on each point."""
    photo = np.full((side, side, 3), 128, np.uint8)
    for point, colour in zip(points, COLOURS, strict=True):
        centre = tuple(int(v) for v in np.rint(point * 16))
        cv2.circle(photo, centre, 7 * 16, tuple(int(c) for c in colour), -1, cv2.LINE_AA, 4)
    return photo


def sees_dots(view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The dots nearest to the middle, named as a detector names them: left is the image's left."""
    middle = np.array(view.shape[1::-1]) / 2
    found = np.zeros((5, 2))
    for k, colour in enumerate(COLOURS):
        signed = (view.astype(float) - 128) * np.sign(colour - 128)
        weight = np.clip(signed.min(axis=2) - 40, 0, None)
        _, parts, _, centres = cv2.connectedComponentsWithStats((weight > 0).astype(np.uint8))
        nearest = 1 + np.linalg.norm(centres[1:] - middle, axis=1).argmin()
        ys, xs = np.nonzero(parts == nearest)
        found[k] = np.average(np.stack([xs, ys], axis=1), axis=0, weights=weight[ys, xs])
    return (found if found[0, 0] < found[1, 0] else found[SWAPPED])[None], np.array([0.9])


def shaky(points: np.ndarray) -> landmark_labels.Detector:
    """Sees the dots of the view, with an error that depends on where they lie in it, as YuNet's does."""

    def detect(view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, scores = sees_dots(view)
        return found + 2.5 * np.sin(found * 0.7), scores

    return detect


# Views and consensus.


@pytest.mark.parametrize("count", [2, 16, 24])
def test_the_views_are_their_own_mirror_image(count):
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)
    mirrored = np.ascontiguousarray(photo[:, ::-1])
    views = views_of(200, count)
    assert len(views) == count
    for view, twin in zip(views[::2], views[1::2], strict=True):
        assert (view.mirrored, twin.mirrored) == (False, True)
        here, there = shown(photo, view).astype(int), shown(mirrored, twin).astype(int)
        assert np.abs(here - there).max() <= 2


def test_every_view_holds_the_five_points():
    for view in views_of(200, 96):
        points = TEMPLATE @ view.matrix[:, :2].T + view.matrix[:, 2]
        assert (points > 4).all()
        assert (points < view.size - 5).all()


def test_other_views_are_other_views():
    here, there = views_of(200, 16), views_of(200, 16, skip=8)
    for one in here:
        assert all(np.abs(one.matrix - other.matrix).max() > 1e-3 for other in there)


def test_labels_are_the_points_that_a_true_detector_sees():
    points = TEMPLATE + np.random.default_rng(1).uniform(-6, 6, (5, 2))
    label = consensus(dotted(points), sees_dots, views_of(200))
    assert np.abs(label.points - points).max() < 0.4
    assert label.spread < 1
    assert label.score == pytest.approx(0.9)


def test_labels_follow_a_mirror():
    points = TEMPLATE + np.array([7, -3])
    photo = dotted(points)
    here = consensus(photo, shaky(points), views_of(200)).points
    there = consensus(np.ascontiguousarray(photo[:, ::-1]), shaky(points), views_of(200)).points
    assert np.abs((there * (-1, 1) + (199, 0))[SWAPPED] - here).max() < 0.1


def test_labels_follow_a_shift_better_than_one_view_does():
    photo, moved = dotted(TEMPLATE), dotted(TEMPLATE + np.array([5, 8]))
    one = [consensus(p, shaky(TEMPLATE), views_of(200)[:1]).points for p in (photo, moved)]
    many = [consensus(p, shaky(TEMPLATE), views_of(200, 24)).points for p in (photo, moved)]
    error = [np.abs(there - here - (5, 8)).mean() for here, there in (one, many)]
    assert error[1] < 0.4 * error[0]


def test_a_few_wild_views_do_not_move_a_label():
    calls = iter(range(1000))

    def wild(view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, scores = sees_dots(view)
        return (found + 9 if next(calls) % 5 == 0 else found), scores

    label = consensus(dotted(TEMPLATE), wild, views_of(200, 20))
    assert np.abs(label.points - TEMPLATE).max() < 0.4


def test_a_face_elsewhere_or_seen_in_few_views_gets_no_label():
    def elsewhere(view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, scores = sees_dots(view)
        return found + 60, scores

    def seldom(view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return sees_dots(view) if view.shape[0] == 224 else (np.zeros((0, 5, 2)), np.zeros(0))

    assert consensus(dotted(TEMPLATE), elsewhere, views_of(200)) is None
    assert consensus(dotted(TEMPLATE), seldom, views_of(200)) is None


def test_more_views_disagree_less():
    photos = [dotted(TEMPLATE + shift) for shift in (0, 4)]
    few, many = (disagreement(photos, shaky(TEMPLATE), count) for count in (2, 24))
    assert many < few


# The scripts.


@pytest.fixture
def faces(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    for i in range(12):
        Image.fromarray(dotted(TEMPLATE + np.array([i % 3, -(i % 4)]))).save(folder / f"face{i:02}.png")
    return folder


def test_the_label_script_writes_a_points_file(tmp_path, faces, monkeypatch, capsys):
    monkeypatch.setattr(landmark_labels, "yunet_detector", lambda path: sees_dots)
    out = tmp_path / "points.csv"
    argv = ["--data", str(faces), "--yunet", str(faces / "face00.png"), "--out", str(out)]
    landmark_labels.main([*argv, "--views", "4", "--held-out-views", "6"])
    figures = json.loads(capsys.readouterr().out)
    assert figures["labelled"] == 12
    assert figures["two_sets_of_4"] < 1
    assert out.read_text().splitlines()[0].startswith("name,shard,left_eye_x,left_eye_y,")
    points = read_points(out)
    assert len(points) == 12
    assert np.abs(points["face02.png"] - TEMPLATE - (2, -2)).max() < 0.5
    images, labels, names = load_faces(faces, out)
    assert names == sorted(points)
    assert images[0].shape == (200, 200, 3)
    assert np.array_equal(labels[3], points[names[3]])


def test_the_label_script_names_a_missing_file(tmp_path, faces):
    with pytest.raises(ValueError, match="YuNet's file is missing"):
        landmark_labels.main(["--data", str(faces), "--yunet", "nowhere.onnx", "--out", str(tmp_path / "p.csv")])


def test_the_training_script_takes_a_points_file(tmp_path, faces, monkeypatch, capsys):
    points = tmp_path / "points.csv"
    rows = [",".join([f"face{i:02}.png", "", *(f"{v}" for v in TEMPLATE.ravel()), "1"]) for i in range(12)]
    points.write_text("\n".join(["header", *rows]) + "\n")
    pictures = [skimage.data.coffee()[:120, :160]]
    monkeypatch.setattr(landmarks, "non_face_pictures", lambda extra: pictures)
    argv = ["--data", str(faces), "--points", str(points), "--out", str(tmp_path / "run"), "--minutes", "0.01"]
    landmarks.main([*argv, "--batch", "4", "--device", "cpu"])
    assert "11 faces train, 1 are held out" in capsys.readouterr().out
    figures = json.loads((tmp_path / "run" / "landmarks.json").read_text())
    assert {"error_whole", "error_x8", "error_x16", "hits_kept_at_98_whole"} <= set(figures)
    assert (tmp_path / "run" / "landmarks.safetensors").stat().st_size < 1_000_000


# The figures.


class Template(LandmarkNet):
    """Answers that every crop shows a face just where the frame has it."""

    def forward(self, crops):
        points = (torch.as_tensor(landmark_figures.frame_of.__defaults__[0].array()).float() + 0.5) / (CROP_SIZE / 2)
        return (points - 1).repeat(len(crops), 1, 1), torch.zeros(len(crops))


def test_distance_is_in_percent_of_the_eye_distance():
    eyes = np.linalg.norm(TEMPLATE[1] - TEMPLATE[0])
    assert distance(TEMPLATE + np.array([0.1 * eyes, 0]), TEMPLATE) == pytest.approx(10)
    assert distance(TEMPLATE, TEMPLATE) == 0


def test_a_network_s_figures_do_not_depend_on_the_run():
    faces = [dotted(TEMPLATE), dotted(TEMPLATE + 3)]
    network = LandmarkNet().eval()
    one, other = (measure(network, faces, [TEMPLATE, TEMPLATE + 3], [skimage.data.coffee()[:100]]) for _ in range(2))
    assert one == other
    assert 0 <= one["hits_kept_at_98_whole"] <= one["false_hits"]


def test_hits_on_faces_are_not_false():
    image = skimage.data.astronaut()
    everything = Face((0.0, 0.0, 512.0, 512.0), np.zeros((5, 2)), 1.0, "yunet")
    network = LandmarkNet().eval()
    assert len(hit_scores(network, image)) > 0
    assert len(hit_scores(network, image, [everything])) == 0


def test_detectors_are_compared_face_by_face(tmp_path, monkeypatch):
    Image.fromarray(np.full((300, 400, 3), 90, np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.full((300, 400, 3), 90, np.uint8)).save(tmp_path / "b.png")

    def face(scale: float, shift: float) -> Face:
        points = TEMPLATE * scale + shift
        return Face((shift, shift, shift + 200 * scale, shift + 200 * scale), points, 1.0, "any")

    monkeypatch.setattr(
        landmark_figures.yunet, "detect", lambda image, path: [face(0.5, 20), face(0.4, 180), face(0.1, 140)]
    )
    monkeypatch.setattr(embedded, "detect", lambda image: [face(0.5, 22), face(0.1, 140), face(0.3, 300)])
    figures = against_yunet(tmp_path, tmp_path / "weights")
    assert figures["photos"] == 2
    assert figures["yunet_faces"] == 4  # the third is too small to count
    assert figures["found"] == 2
    assert figures["false_faces"] == 2
    eyes = 0.5 * np.linalg.norm(TEMPLATE[1] - TEMPLATE[0])
    assert figures["distance_from_yunet"] == pytest.approx(2 * 2**0.5 / eyes * 100, abs=0.01)
