"""The command line as people call it."""

import json

import numpy as np
import pytest
from commandline import FAST, TINY, call, complaint, pixels
from PIL import Image, ImageCms

from dpi_core.__main__ import main
from dpi_core.commands.inputs import photos_in
from dpi_core.commands.options import face_from
from dpi_core.commands.outputs import Outputs
from dpi_core.imaging.pictures import read_settings

pytestmark = pytest.mark.usefixtures("offline", "analytic_models")


def test_what_belongs_to_a_photo_survives(out, tmp_path, astronaut):
    """Alpha, colour profile and EXIF of the input are in the result, and no pixel without a face has changed."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "A camera", 1
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = Image.open(astronaut).convert("RGBA")
    photo.putalpha(Image.fromarray(np.tile(np.linspace(60, 255, 512).astype(np.uint8), (512, 1))))
    photo.save(tmp_path / "photo.png", exif=exif.tobytes(), icc_profile=profile)
    assert call("restore", tmp_path / "photo.png", "-o", out, *FAST) == 0
    saved = Image.open(out / "photo-photo-seed0.png")
    assert saved.mode == "RGBA"
    assert saved.info["icc_profile"] == profile
    assert saved.getexif()[0x010F] == "A camera"
    before, after = np.asarray(photo), np.asarray(saved)
    assert np.array_equal(before[..., 3], after[..., 3])
    changed = (before != after).any(axis=2)
    assert 0 < changed.mean() < 0.2
    assert read_settings(out / "photo-photo-seed0.png")["faces"][0]["seed"] == 0


def test_a_photo_on_its_side_is_saved_upright(out, tmp_path, astronaut):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(astronaut).rotate(90).save(tmp_path / "photo.jpg", quality=95, exif=exif)
    assert call("restore", tmp_path / "photo.jpg", "-o", out, *FAST) == 0
    saved = Image.open(out / "photo-photo-seed0.png")
    assert saved.getexif()[0x0112] == 1
    assert np.abs(np.asarray(saved, int) - pixels(astronaut))[-60:].mean() < 3


def test_the_background_can_be_enlarged(out, astronaut):
    assert call("restore", astronaut, "-o", out, *FAST, "--background", "2") == 0
    assert Image.open(out / "astronaut-photo-seed0.png").size == (1024, 1024)
    assert read_settings(out / "astronaut-photo-seed0.png")["background"] == 2


def test_several_faces_can_be_named():
    assert [face_from(text) for text in ("all", "2", "0,2", "1, 0")] == ["all", 2, (0, 2), (1, 0)]
    for text in ("every", "-1", "1,", "0;1", "1.5"):
        with pytest.raises(ValueError, match="several with commas between"):
            face_from(text)


def test_a_folder_is_done_as_far_as_it_goes(capfd, tmp_path, out, astronaut):
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    Image.open(astronaut).crop((120, 0, 330, 240)).save(folder / "a.jpg", quality=95)
    (folder / "broken.png").write_text("this is no picture")
    (folder / "notes.txt").write_text("this is not even called one")
    Image.open(astronaut).crop((120, 0, 330, 240)).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
        folder / "more" / "b.png"
    )
    assert call("restore", folder, "-o", out, *FAST) == 1
    error = capfd.readouterr().err
    assert "broken.png: this is not a picture that can be read" in error
    assert "1 of 3 photos failed" in error
    assert "not read, for they are no picture files: notes.txt." in error
    assert sorted(p.name for p in out.glob("*-face*")) == ["a-face0-seed0.png", "b-face0-seed0.png"]


def test_a_simulation_prints_its_figures_as_json(capfd, out):
    argv = ["restore", TINY, "-o", out, *FAST, "--aligned", "--scale", "8", "--seeds", "2", "--seed", "5", "--json"]
    assert call(*argv) == 0
    captured = capfd.readouterr()
    assert captured.err == ""
    (line,) = captured.out.splitlines()
    report = json.loads(line)
    assert report["input"] == str(TINY)
    assert [face["seed"] for face in report["faces"]] == [5, 6]
    for face in report["faces"]:
        assert {"face", "seed", "psnr", "psnr_input", "ssim", "lr_consistency"} == set(face)
        assert 0 < face["ssim"] < 1
        assert 10 < face["psnr"] < 50
    assert sorted(report["files"]) == sorted(str(p) for p in out.iterdir())
    assert len(report["files"]) == 2
    first, second = (pixels(path) for path in report["files"])
    assert not np.array_equal(first, second)


def test_a_projected_result_agrees_with_its_input(capfd, out):
    argv = ["restore", TINY, "-o", out, *FAST, "--aligned", "--scale", "8", "--json"]
    assert call(*argv) == 0
    assert call(*argv, "--project") == 0
    plain, exact = (json.loads(line)["faces"][0] for line in capfd.readouterr().out.splitlines())
    assert exact["lr_consistency"] > 45 > plain["lr_consistency"]


def test_another_method_is_named_and_made_again_from_its_settings(capfd, out):
    assert call("restore", TINY, "-o", out, "--steps", 3, "--device", "cpu", "--method", "ddnm") == 0
    (made,) = out.glob("*-face0-*.png")
    assert read_settings(made)["method"] == "ddnm"
    assert call("restore", TINY, "-o", out / "again", "--settings", made, "--device", "cpu") == 0
    assert np.array_equal(pixels(out / "again" / made.name), pixels(made))
    assert "ddnm+" in complaint(capfd, "restore", TINY, "-o", out, "--method", "ddnn")


def test_output_names_are_unique_and_keep_the_stem(tmp_path):
    inputs = [tmp_path / name for name in ("x-2.png", "a/x.png", "b/x.png", "c/X.jpg", "x-2.jpg", "y.png")]
    outputs = Outputs(tmp_path / "out", {})
    names = [outputs.job(path).name for path in inputs]
    assert len({name.lower() for name in names}) == len(inputs), "some file systems take X and x for one name"
    for name, path in zip(names, inputs, strict=True):
        assert name.startswith(path.stem)
    assert names[0] == "x-2"
    assert names[1] == "x"
    assert names[5] == "y"


def test_files_in_folders_are_found_in_order_and_folders_named_like_pictures_are_not_files(tmp_path):
    (tmp_path / "odd.png").mkdir()
    for name in ("b.JPG", "a.png", "odd.png/c.webp", "d.txt"):
        (tmp_path / name).touch()
    assert photos_in([tmp_path]) == [tmp_path / name for name in ("a.png", "b.JPG", "odd.png/c.webp")]
    assert photos_in([tmp_path / "d.txt"]) == [tmp_path / "d.txt"]  # named by the user: reading it will tell


def test_detect_lists_faces_as_json(capfd, tmp_path, astronaut):
    crop = tmp_path / "crop.png"
    Image.open(astronaut).crop((120, 0, 330, 240)).save(crop)
    assert call("detect", crop, "--detector", "embedded") == 0
    report = json.loads(capfd.readouterr().out)
    assert report["detector"] == "embedded"
    (face,) = report["faces"]
    assert 0 < face["score"] <= 1
    assert 100 < face["size"] < 128
    assert face["sharp"] is False
    x0, y0, x1, y1 = face["box"]
    for x, y in face["points"]:
        assert x0 < x < x1
        assert y0 < y < y1
    assert "no such file" in complaint(capfd, "detect", tmp_path / "gone.png")


def test_help_and_version_end_well(capfd):
    assert call("--version") == 0
    assert call("restore", "--help") == 0
    printed = capfd.readouterr().out
    for option in ("--scale", "--tau", "--sparsity", "--steps", "--seed", "--seeds", "--face", "--aligned", "--json"):
        assert option in printed
    assert "required" in complaint(capfd)


def test_a_photo_given_twice_is_written_twice(astronaut, tmp_path):
    assert main(["restore", str(astronaut), str(astronaut), "-o", str(tmp_path), "--steps", "2"]) == 0
    assert len(list(tmp_path.glob("astronaut*-face0-seed0.png"))) == 2
