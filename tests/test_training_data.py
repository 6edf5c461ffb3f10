import random
import tarfile

import numpy as np
import pytest
from PIL import Image
from training_runs import write_faces

from dpi_core.training.data import DegradedFaces, augment, batches, held_out_names, read_encoded


@pytest.fixture
def faces(tmp_path):
    return write_faces(tmp_path / "faces")


def test_the_held_out_set_depends_on_the_names_alone():
    names = [f"{i:05}.jpg" for i in range(2000)]
    held_out = held_out_names(names, 50)
    shuffled = random.Random(1).sample(names, len(names))
    assert held_out_names(shuffled, 50) == held_out
    assert len(held_out) == 50
    assert held_out < set(names)


def test_faces_that_join_later_never_move_a_training_face_into_a_smaller_held_out_set():
    names = [f"{i:05}.jpg" for i in range(2000)]
    held_out = held_out_names(names, 50)
    assert held_out_names(names, 20) < held_out
    assert held_out_names([*names, "new.jpg"], 50) <= held_out | {"new.jpg"}


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (9, 0), (10, 1), (99, 9), (10_000, 500)])
def test_at_most_a_tenth_is_held_out(count, expected):
    assert len(held_out_names([str(i) for i in range(count)])) == expected


def test_a_folder_and_its_tar_give_the_same(tmp_path, faces):
    (faces / "notes.txt").write_text("no face")
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        archive.add(faces, arcname="faces")
    shards = tmp_path / "shards"
    shards.mkdir()
    paths = sorted(faces.glob("*.png"))
    for i in range(3):
        with tarfile.open(shards / f"{i}.tar", "w") as archive:
            for path in paths[i::3]:
                archive.add(path, arcname=path.name)
    from_folder = read_encoded(faces)
    assert len(from_folder) == 12
    assert read_encoded(tmp_path / "shard.tar") == read_encoded(shards) == from_folder


def test_a_source_without_faces_is_named(tmp_path):
    with pytest.raises(ValueError, match="no images found"):
        read_encoded(tmp_path)
    with pytest.raises(ValueError, match="missing: no images found"):
        read_encoded(tmp_path / "missing")


def test_an_augmented_face_stays_close_to_its_face():
    grey = Image.new("RGB", (50, 50), (100, 120, 140))
    seen = {augment(grey, 32, np.random.default_rng(i)).tobytes() for i in range(30)}
    assert len(seen) > 5
    for i in range(30):
        out = augment(grey, 32, np.random.default_rng(i))
        assert out.shape == (32, 32, 3)
        assert out.dtype == np.uint8
        tint = out[0, 0] / [100, 120, 140]
        assert (out == out[0, 0]).all()
        assert ((tint > 0.85 * 0.92 - 0.01) & (tint < 1.1 * 1.08 + 0.01)).all()


def test_a_draw_depends_on_its_seed_and_index_alone(faces):
    images = read_encoded(faces)
    data, same, other = (DegradedFaces(images, 32, 100, seed) for seed in (1, 1, 2))
    assert len(data) == 100
    draws = [data[i] for i in range(10)]
    assert all(np.array_equal(same[i], draws[i]) for i in reversed(range(10)))
    assert not all(np.array_equal(other[i], draws[i]) for i in range(10))
    (batch, *_) = batches(data, 4, workers=0)
    assert np.array_equal(batch.numpy(), np.stack(draws[:4]))


def test_a_degraded_face_comes_with_the_face_it_was_made_from(faces):
    pairs = DegradedFaces(read_encoded(faces), 32, 40, 0)
    for i in range(40):
        true, condition = pairs[i].astype(float)
        assert pairs[i].shape == (2, 32, 32, 3)
        assert np.abs(true.mean(axis=(0, 1)) - condition.mean(axis=(0, 1))).max() < 30
