import csv

import pytest
import torch
from PIL import Image
from training_runs import write_faces

from dpi_core.training import store as module
from dpi_core.training.data import held_out_names
from dpi_core.training.store import FaceStore, coloured, open_store, source_weights

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("seeded")


def flat_faces(folder, count=20, side=40):
    """Pictures of one grey level each, by which they are known: face i has level 10 i."""
    folder.mkdir()
    for i in range(count):
        Image.new("RGB", (side, side), (10 * i,) * 3).save(folder / f"{i:02}.png")
    return folder


def stored(pixels: torch.Tensor, size: int) -> FaceStore:
    return FaceStore(pixels, torch.ones(len(pixels)), torch.ones(len(pixels), dtype=torch.long), size)


def test_held_out_faces_are_never_drawn(tmp_path):
    faces = flat_faces(tmp_path / "faces")
    store = open_store(faces, tmp_path, 32, CPU)
    held_out = held_out_names([f"{i:02}.png" for i in range(20)])
    assert len(held_out) == 2
    levels = {10 * i for i in range(20) if f"{i:02}.png" not in held_out}
    assert set(store.pixels[:, 0, 0, 0].tolist()) == levels
    chosen = torch.cat([next(store.choices(50)) for _ in range(10)])
    assert set(store.cropped(chosen)[:, 0, 5, 5].round().int().tolist()) <= levels


def test_the_second_time_nothing_is_decoded(tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces")
    first = open_store(faces, tmp_path / "cache", 32, CPU)
    monkeypatch.setattr(module, "decode", None)
    again = open_store(faces, tmp_path / "cache", 32, CPU)
    assert torch.equal(first.pixels, again.pixels)
    assert torch.equal(first.classes, again.classes)
    assert not list((tmp_path / "cache").glob("*.part"))


def test_another_face_makes_another_block(tmp_path):
    faces = write_faces(tmp_path / "faces")
    first = open_store(faces, tmp_path, 32, CPU)
    Image.new("RGB", (40, 40)).save(faces / "one_more.png")
    assert len(open_store(faces, tmp_path, 32, CPU).pixels) == len(first.pixels) + 1


def test_faces_of_any_size_are_stored_at_one(tmp_path):
    faces = write_faces(tmp_path / "faces", count=2, size=64)
    Image.new("RGB", (20, 20), (90, 90, 90)).save(faces / "small.png")
    assert open_store(faces, tmp_path, 32, CPU).pixels.shape == (3, 3, 40, 40)


def test_a_crop_shows_the_photo_and_nothing_else():
    # every pixel holds its own place, so a crop tells where it was taken
    side = 40
    place = torch.arange(side, dtype=torch.uint8)
    rows, columns = place.view(1, -1, 1).expand(1, side, side), place.view(1, 1, -1).expand(1, side, side)
    pixels = torch.cat([rows, columns, rows + columns])[None].repeat(4, 1, 1, 1)
    store, corners, mirrored = stored(pixels, 40), set(), 0
    for _ in range(100):
        crops = store.cropped(torch.arange(4))
        assert crops.min() >= 0
        assert crops[:, :2].max() < side - 0.9  # the kernel overshoots by a hundredth of a level
        steps = crops[:, 1, 20].diff(dim=-1)
        assert ((steps > -0.2).all(dim=1) | (steps < 0.2).all(dim=1)).all(), "left to right or right to left"
        mirrored += int((steps.mean(dim=1) < 0).sum())
        corners |= {tuple(corner) for corner in crops[:, :2, 0, 0].round().int().tolist()}
    assert len(corners) > 5
    assert 120 < mirrored < 280


def test_a_whole_photo_comes_back_as_it_is():
    pixels = torch.randint(0, 256, (6, 3, 40, 40), dtype=torch.uint8)
    store = stored(pixels, 40)
    for _ in range(60):
        torch.manual_seed(int(torch.randint(10**6, ())))
        crops = store.cropped(torch.arange(6))
        exact = [
            torch.equal(c, p.float()) or torch.equal(c.flip(2), p.float()) for c, p in zip(crops, pixels, strict=True)
        ]
        if all(exact):
            return
    pytest.fail("a crop of the whole photo was never drawn")


def test_colours_change_a_little_on_half_of_the_faces():
    faces = torch.full((2000, 3, 2, 2), 100.0)
    out = coloured(faces)
    changed = (out != 100).flatten(1).any(dim=1)
    assert 0.45 < float(changed.float().mean()) < 0.55
    assert float((out - 100).abs().max()) <= 100 * module.GAIN + 1e-3
    assert (out == out[:, :, :1, :1]).all()


def test_faces_come_at_eight_bits_with_their_class_mostly_told():
    pixels = torch.randint(0, 256, (8, 3, 40, 40), dtype=torch.uint8)
    store = FaceStore(pixels, torch.ones(8), torch.arange(8) % 4 + 1, 32)
    chosen = next(store.choices(2000))
    faces, classes = store.augmented(chosen)
    levels = (faces + 1) * 127.5
    assert faces.shape == (2000, 3, 32, 32)
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    told = classes == store.classes[chosen]
    assert (told | (classes == 0)).all()
    assert 0.07 < float((~told).float().mean()) < 0.13


def test_the_table_beside_the_faces_decides_how_often_each_is_drawn(tmp_path):
    faces = flat_faces(tmp_path / "faces", count=9)
    for name, sources in (("sharp", ["gen", "ffhq", "elsewhere"]), ("soft", ["utk"])):
        with (faces / f"{name}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["name", "source"])
            rows.writerows([f"{i + 5 * (name == 'soft'):02}.png", source] for i, source in enumerate(sources))
    weights = source_weights(faces)
    assert weights == {"00.png": 0.3, "01.png": 2.0, "02.png": 1.0, "05.png": 0.5}
    store = open_store(faces, tmp_path, 32, CPU)
    assert torch.allclose(store.weights, torch.tensor([weights.get(f"{i:02}.png", 1.0) for i in range(9)]))
    drawn = torch.bincount(next(store.choices(40_000)), minlength=9) / 40_000
    assert torch.allclose(drawn, store.weights / store.weights.sum(), atol=0.01)


def test_without_a_table_faces_count_alike(tmp_path):
    store = open_store(write_faces(tmp_path / "faces"), tmp_path, 32, CPU)
    assert torch.equal(store.weights, torch.ones(11))
    assert ((store.classes >= 1) & (store.classes <= 4)).all()


def test_large_faces_are_drawn_more_often_where_others_are_enlarged(tmp_path):
    faces = tmp_path / "faces"
    faces.mkdir()
    for i, side in enumerate((160, 272)):
        Image.new("RGB", (side, side), (90, 90, 90)).save(faces / f"{i}.png")
    store = open_store(faces, tmp_path, 256, CPU)
    assert store.pixels.shape == (2, 3, 272, 272)
    assert store.weights.tolist() == [1.0, module.NATIVE]
    assert open_store(faces, tmp_path, 128, CPU).weights.tolist() == [1.0, 1.0]
