import json
import zipfile
from contextlib import suppress
from dataclasses import asdict, replace

import pytest
from PIL import Image

from dpi_core.errors import DPIError
from dpi_core.imaging.pictures import ImageError, save_png
from dpi_core.method.config import SETTINGS, DPIConfig
from dpi_core.restore.request import MOST_SETTINGS, Branch, Request, read_request

CONFIG = DPIConfig(steps=7, tau=120, eta=0.5, project=True)
REQUEST = Request(CONFIG, (3, 2**40), 8, True, 2, "embedded", "embedded")


def test_a_request_comes_back_from_its_dict_and_from_json():
    assert Request.from_dict(REQUEST.to_dict()) == REQUEST
    assert Request.from_dict(json.loads(json.dumps(REQUEST.to_dict()))) == REQUEST
    assert Request.from_dict(Request().to_dict()) == Request()
    branched = replace(REQUEST, branch=Branch(6, 2**40))
    assert Request.from_dict(json.loads(json.dumps(branched.to_dict()))) == branched


@pytest.mark.parametrize("suffix", [".png", ".json", ".zip"])
def test_a_request_is_read_from_every_file_that_carries_one(tmp_path, suffix):
    path = tmp_path / f"result{suffix}"
    if suffix == ".png":
        save_png(Image.new("RGB", (4, 4)), path, REQUEST.to_dict())
    elif suffix == ".json":
        path.write_text(json.dumps(REQUEST.to_dict()))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("settings.json", json.dumps(REQUEST.to_dict()))
    assert read_request(path) == REQUEST
    assert read_request(str(path)) == REQUEST


def test_one_results_settings_are_a_request_of_one_seed():
    request = Request.from_dict({"config": {"tau": 50}, "seed": 9, "scale": None, "face": 1, "measured": {}})
    assert request == Request(DPIConfig(tau=50), (9,), face=1)


def test_a_photos_settings_name_its_faces():
    one = {"config": {}, "seed": 4, "face": 0}
    assert Request.from_dict({"faces": [one]}).face == 0
    assert Request.from_dict({"faces": [one, {**one, "face": 1}], "background": 2}).face == (0, 1)
    assert Request.from_dict({"faces": [one], "background": 3}).background == 3
    assert Request.from_dict({"faces": [one, {**one, "seed": 5}]}).face == 0  # one face, two seeds


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "no 'config'"),
        ({"config": {}}, "no 'config' with"),
        ({"config": {"tau": -1}, "seed": 0}, "tau is -1"),
        ({"config": {"colour": 1}, "seed": 0}, "no field 'colour'"),
        ({"config": {}, "seed": -1}, "seed is -1"),
        ({"config": {}, "seeds": []}, "seeds is \\[\\]"),
        ({"config": {}, "seeds": "12"}, "seeds is '12'"),
        ({"config": {}, "seed": 0, "scale": 5}, "scale is 5"),
        ({"config": {}, "seed": 0, "face": "both"}, "face is 'both'"),
        ({"config": {}, "seed": 0, "face": [0, "x"]}, "face is 'x'"),
        ({"config": {}, "seed": 0, "background": 9}, "background is 9"),
        ({"config": {"steps": 4}, "seed": 0, "branch": {"step": 4, "seed": 0}}, "the step of the branch is 4"),
        ({"config": {}, "seed": 0, "branch": {"step": 1, "seed": -1}}, "seed is -1"),
        ({"config": {}, "seed": 0, "branch": 3}, "branch is 3"),
        ([1], "no JSON object"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, values, message):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(values))
    with pytest.raises(ImageError, match=rf"settings\.json: holds no settings that can be used.*{message}"):
        read_request(path)


ODD = [
    None,
    True,
    -1,
    1.5,
    10**400,
    float("nan"),
    float("inf"),
    "x",
    [],
    [1],
    [[1]],
    [None],
    [{}],
    {},
    {"x": 1},
    [0, 0],
]
FACE = {**Request().of_one(0, 1), "config": {}}


@pytest.mark.parametrize("odd", [*ODD, *([{"face": odd}] for odd in ODD), [FACE, 1], [FACE, {"x": 1}]], ids=str)
def test_whatever_stands_in_settings_they_are_read_or_refused_in_a_sentence(odd):
    inside = [{**FACE, name: odd} for name in (*FACE, "seeds", "faces")]
    files = [odd, *inside, *({"faces": [face]} for face in inside), *({"faces": [FACE, face]} for face in inside)]
    for settings in (*files, *({**FACE, "config": {name: odd}} for name in SETTINGS)):
        with suppress(DPIError):
            assert isinstance(Request.from_dict(settings), Request)


@pytest.mark.parametrize("faces", [[1], [{"x": 1}], [FACE, 1], [FACE, {"seed": 1}], [{**FACE, "face": [0]}]], ids=str)
def test_settings_of_a_photo_name_the_face_of_each_of_its_results(faces):
    with pytest.raises(DPIError, match="'faces' of the settings holds"):
        Request.from_dict({"faces": faces})


@pytest.mark.parametrize(
    "values",
    [
        *({"background": value} for value in (-1, 5, True, 1.5, "2", None)),
        *({"scale": value} for value in (0, 5, True, 8.0, "8", [8])),
        *({"face": value} for value in (-1, True, 1.0, "both", [], [0, 0], [0, None])),
        *({"seeds": value} for value in ((), "12", 3, None, (True,), (0.5,), (2**63,), (4, 4))),
        *({"aligned": value} for value in (None, 1, "no")),
        *({"include_sharp": value} for value in (None, 1, "no")),
        *({"prior": value} for value in (None, "", 3)),
        {"corrector": None},
        {"detector": "magic"},
        {"detector": ["auto"]},
        *({"config": value} for value in (None, 3, {"colour": 1})),
        *({"branch": value} for value in (3, {}, {"step": 20, "seed": 0})),
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_request_validates_itself_and_names_what_is_wrong(values):
    (name,) = values
    with pytest.raises(DPIError, match=f"{name.rstrip('s')}.*; (allowed|the fields)"):
        Request().replaced(values)


def test_some_fields_are_replaced_as_python_and_json_have_them():
    assert REQUEST.replaced({}) == REQUEST
    changed = REQUEST.replaced(
        {"config": {"tau": 0}, "seeds": [1, 2], "face": [0, 3], "branch": {"step": 1, "seed": 0}}
    )
    assert changed.config == CONFIG.replaced({"tau": 0})
    assert (changed.seeds, changed.face, changed.branch) == ((1, 2), (0, 3), Branch(1, 0))
    assert REQUEST.replaced({"face": None}).face == 0
    assert Request().replaced(REQUEST.to_dict()) == REQUEST


def test_one_result_of_a_request_is_a_request():
    several = Request(CONFIG, (3, 4), face=(0, 1), detector="embedded", include_sharp=True, background=2)
    assert Request.from_dict(several.of_one(1, 4)) == replace(several, face=1, seeds=(4,))


def test_files_of_earlier_versions_are_read():
    before = {"version": "0.1.0", "prior": "ffhq-256", "corrector": "embedded", "config": asdict(CONFIG), "seed": 5}
    before |= {"scale": None, "aligned": False, "face": 1, "steps_done": 7, "measured": {"lr_consistency": 40.0}}
    old = Request(CONFIG, (5,), face=1, prior="ffhq-256")
    assert Request.from_dict(before) == old
    assert Request.from_dict({**before, "branch": {"step": 2, "seed": 9}}) == replace(old, branch=Branch(2, 9))
    assert Request.from_dict({"faces": [before], "background": 2}) == replace(old, background=2)
    several = {name: value for name, value in before.items() if name not in ("seed", "measured")}
    compared = {**several, "seeds": [5, 6], "figures": [{"seed": 5}], "diversity": 1.5, "most_different": [5, 6]}
    assert Request.from_dict(compared) == replace(old, seeds=(5, 6))


def test_other_files_are_refused_with_a_message(tmp_path):
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "a.zip").write_bytes(b"PK nothing")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    for name in ("a.json", "a.zip", "a.png", "empty.zip", "missing.json"):
        with pytest.raises(ImageError, match=name):
            read_request(tmp_path / name)


def test_settings_are_read_no_further_than_they_can_be_long(tmp_path):
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("settings.json", b" " * (MOST_SETTINGS + 1))
    long = tmp_path / "long.json"
    long.write_bytes(b"[" * (MOST_SETTINGS + 1))
    for path in (bomb, long):
        with pytest.raises(ImageError, match="more than 4 MB"):
            read_request(path)
    deep = tmp_path / "deep.json"
    deep.write_bytes(b"[" * 100_000)
    with pytest.raises(ImageError, match=r"deep\.json: holds no settings"):
        read_request(deep)


def test_no_member_of_an_archive_is_written_anywhere(tmp_path):
    path, work = tmp_path / "a.zip", tmp_path / "work"
    work.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("settings.json", json.dumps(REQUEST.to_dict()))
        archive.writestr("../../outside.txt", "evil")
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/hostname")
    assert read_request(path) == REQUEST
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.zip", "work"]
