"""Seeds compared from the command line, and compared again from the ZIP."""

import json
import zipfile
from io import BytesIO

import numpy as np
import pytest
from commandline import FAST, SHORT, TINY, call, complaint
from PIL import Image

from dpi_core.restore.request import read_request

pytestmark = pytest.mark.usefixtures("analytic_models")


def faces_in(path) -> dict[str, np.ndarray]:
    """The pixels of every seed's picture in a comparison."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith("seed")]
        return {name: np.asarray(Image.open(BytesIO(archive.read(name)))) for name in names}


def test_a_comparison_is_one_zip_and_one_json_object_and_is_made_again_from_the_zip(capfd, out):
    given = ["--seeds", "3", "--seed", "4", "--scale", "8", "--tau", "600", "--eta", "1", "--pick", "2"]
    assert call("compare", TINY, "-o", out, *SHORT, *given, "--json") == 0
    captured = capfd.readouterr()
    assert captured.err == ""
    (line,) = captured.out.splitlines()
    report = json.loads(line)
    path = out / "astronaut-tiny-3-seeds.zip"
    assert report["files"] == [str(path)]
    assert list(out.iterdir()) == [path]
    assert report["input"] == str(TINY)
    assert report["seeds"] == [4, 5, 6]
    assert [entry["seed"] for entry in report["figures"]] == [4, 5, 6]
    for entry in report["figures"]:
        assert {"seed", "psnr", "psnr_input", "ssim", "lr_consistency", "distance_to_mean"} == set(entry)
        assert entry["distance_to_mean"] > 0
    assert report["diversity"] > 0
    assert len(report["most_different"]) == 2
    assert set(report["most_different"]) < {4, 5, 6}
    nearest = min(report["figures"], key=lambda entry: entry["distance_to_mean"])
    assert report["most_typical"] == nearest["seed"]
    with zipfile.ZipFile(path) as archive:
        kept = json.loads(archive.read("settings.json"))
    assert {name: kept[name] for name in ("seeds", "figures", "diversity", "most_different")}.items() <= report.items()

    again = ["--settings", path, "--pick", "2", "--device", "cpu", "--json"]
    assert call("compare", TINY, "-o", out / "again", *again) == 0
    second = json.loads(capfd.readouterr().out)
    before, after = faces_in(path), faces_in(second["files"][0])
    assert set(before) == set(after) == {"seed4.png", "seed5.png", "seed6.png"}
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert {**second, "seconds": 0, "files": []} == {**report, "seconds": 0, "files": []}


def test_people_read_the_same_figures(capfd, out):
    assert call("compare", TINY, "-o", out, *SHORT, "--seeds", "2") == 0
    printed = capfd.readouterr().out
    for text in (str(TINY), "seed 0, lr_consistency", "seed 1, lr", "diversity", "most different: 0, 1", "2-seeds.zip"):
        assert text in printed
    assert call("compare", TINY, "-o", out, *SHORT, "--seeds", "2", "--pick", "0") == 0
    assert "most different" not in capfd.readouterr().out


def test_a_single_result_is_where_a_comparison_can_start(out):
    assert call("restore", TINY, "-o", out / "one", *SHORT, "--seed", "7") == 0
    (path,) = (out / "one").iterdir()
    assert call("compare", TINY, "-o", out / "many", "--settings", path, "--device", "cpu") == 0
    (made,) = (out / "many").iterdir()
    recipe = read_request(made)
    assert recipe.seeds == (7, 8, 9, 10)
    assert (recipe.config.steps, recipe.aligned) == (2, True)
    one = np.asarray(Image.open(path)).astype(int)
    assert np.abs(faces_in(made)["seed7.png"] - one).max() <= 1  # a batch adds up in another order


def test_a_face_of_a_photo_can_be_compared(out, astronaut):
    assert call("compare", astronaut, "-o", out, *FAST, "--seeds", "2", "--face", "0") == 0
    assert read_request(out / "astronaut-2-seeds.zip").aligned is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "1"], "seeds is 1; allowed is 2 to 16"),
        (["--seeds", "17"], "seeds is 17; allowed is 2 to 16"),
        (["--seeds", str(10**12)], "allowed is 2 to 16"),
        (["--seed", "-1"], "seed is -1; allowed"),
        (["--seed", str(2**63 - 1)], "seed is 9223372036854775808; allowed"),
        (["--pick", "1"], "pick is 1; allowed is 2 to 4, the number of seeds, or 0 for none"),
        (["--pick", "5"], "pick is 5; allowed is 2 to 4"),
        (["--tau", "5000"], "tau is 5000; allowed"),
        (["--face", "all"], "face is 'all'; allowed is the index of one face"),
        (["--face", "0,1"], "face is '0,1'; allowed is the index of one face"),
        (["--film", "gif"], "unrecognized arguments: --film"),
        (["--settings", str(TINY)], "astronaut-tiny.png: holds no settings"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_loaded(capfd, monkeypatch, out, options, message):
    monkeypatch.setattr("dpi_core.restore.restorer.Restorer", lambda *_, **__: pytest.fail("loaded"))
    assert message in complaint(capfd, "compare", TINY, "-o", out, *options)
    assert not out.exists()


def test_wrong_inputs_are_named(capfd, tmp_path, out):
    assert "this is a folder; allowed is one photo" in complaint(capfd, "compare", tmp_path, "-o", out)
    assert "there is no such file" in complaint(capfd, "compare", tmp_path / "gone.png", "-o", out)
    assert "unrecognized arguments" in complaint(capfd, "compare", TINY, TINY, "-o", out)
    (tmp_path / "void.png").touch()
    assert "void.png: the file is empty" in complaint(capfd, "compare", tmp_path / "void.png", "-o", out, *FAST)
    assert "scale is 3; allowed" in complaint(capfd, "compare", TINY, "-o", out, *FAST, "--scale", "3")
    many = tmp_path / "settings.json"
    many.write_text(json.dumps({"faces": [{"config": {}, "seed": 0, "face": i} for i in (0, 1)]}))
    assert "face is [0, 1]; allowed is the index" in complaint(capfd, "compare", TINY, "-o", out, "--settings", many)
