import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLES
from page_runs import FAST, at_step, drain, faces_in, making, result_of
from PIL import Image

from dpi_core.faces import find_faces
from dpi_core.faces.face import five_points
from dpi_core.imaging.pictures import read_image, read_settings
from dpi_core.method.config import DEFAULTS
from dpi_core.restore.request import Request
from dpi_core.web.checks import UNEXPECTED
from dpi_core.web.detected_faces import detect
from dpi_core.web.engine import Engine
from dpi_core.web.events import FIELDS, making_of
from dpi_core.web.restore_run import AUTO, MODES, Outcome, run
from dpi_core.web.session import Session
from dpi_core.web.stage_data import decoded, plan_of


def test_a_run_streams_both_stages_and_ends_in_files_that_hold_their_settings(engine, astronaut):
    session = Session()
    items = drain(engine, session, astronaut, seed=7)
    outcome = items[-1]
    assert isinstance(outcome, Outcome)
    assert [item["state"] for item in items[:-1]] == ["reading", *["running"] * 4, "pasting"]
    assert [item["frame"]["stage"] for item in items[1:5]] == ["FCM", "FCM", "RACM", "final"]
    assert outcome.stage["state"] == "done"
    (face,) = faces_in(outcome)
    assert (face["seed"], face["config"]["tau"]) == (7, 400)
    assert read_settings(outcome.photo)["faces"][0]["face"] == 0
    with zipfile.ZipFile(outcome.bundle) as archive:
        inside = Image.open(BytesIO(archive.read(next(n for n in archive.namelist() if "-face1-" in n))))
    assert inside.tobytes() == result_of(outcome)
    folder = Path(outcome.photo).parent
    drain(engine, session, astronaut)
    assert not folder.exists(), "a session keeps one run's files"
    session.clean()


def test_modes_simulate(engine, astronaut):
    session = Session()
    assert set(MODES.values()) == {None, 4, 8, 16}
    outcome = drain(engine, session, astronaut, mode="Simulate x16")[-1]
    assert "PSNR" in outcome.stage["pieces"][0]["line"]
    assert set(outcome.stage["pieces"][0]["pictures"]) >= {"input", "result", "truth"}
    session.clean()


def test_stop_ends_within_one_step_and_keeps_the_estimate(engine, astronaut):
    session = Session()
    seen = []
    for item in run(engine, session, making(astronaut, values={"steps": 50})):
        seen.append(item)
        session.stopped = session.stopped or at_step(item, 3)
    assert seen[-1].stage["state"] == "stopped"
    assert "Stopped after step 3 of 50" in seen[-1].stage["line"]
    session.clean()


def test_wrong_photos_end_in_a_message(engine, astronaut, bad_files):
    assert "Choose a photo first" in drain(engine, Session(), None)[-1]["line"]
    for name, path in bad_files.items():
        last = drain(engine, Session(), path)[-1]
        assert last["state"] == "failed", name
        assert path.name in last["line"]


def test_an_unexpected_error_shows_no_traceback(engine, astronaut, monkeypatch):
    def broken(prior):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(engine, "restorer", broken)
    last = drain(engine, Session(), astronaut)[-1]
    assert (last["state"], last["line"]) == ("failed", UNEXPECTED)


def pair_of(astronaut, folder, size=640):
    portrait = Image.open(astronaut).crop((60, 0, 380, 260))
    pair = Image.new("RGB", (640, 260), "gray")
    pair.paste(portrait, (0, 0))
    pair.paste(portrait.resize((240, 195)), (360, 0))
    pair.resize((size, size * 260 // 640), Image.Resampling.BICUBIC).save(folder / "pair.png")
    return folder / "pair.png"


def test_detection_shows_thumbnails_or_says_why_not(astronaut, bad_files, tmp_path):
    session = Session()
    found = detect(str(astronaut), session)
    assert len(found.thumbnails) == len(found.lines) == len(session.faces) == 1
    assert found.chosen == session.chosen == [0]
    assert "face" in found.message
    Image.new("RGB", (200, 200), (20, 90, 40)).save(tmp_path / "flat.png")
    nothing = detect(str(tmp_path / "flat.png"), session)
    assert nothing.thumbnails == []
    assert "No face was found" in nothing.message
    assert session.note == drain(Engine(), session, tmp_path / "flat.png")[-1]["line"], "one text for the one failure"
    for path in bad_files.values():
        assert 'role="alert"' in detect(str(path), session).message
        assert session.photo is None
    assert detect(None, session).thumbnails == []


def test_the_faces_that_are_not_sharp_are_chosen_at_first(astronaut, tmp_path):
    # beside each other a sharp portrait, larger than the model's faces, and a small one
    portrait = Image.open(astronaut).crop((130, 10, 330, 210)).resize((600, 600), Image.Resampling.LANCZOS)
    grain = np.random.default_rng(0).normal(0, 14, (600, 600, 1))
    sharp = Image.fromarray(np.clip(np.asarray(portrait) + grain, 0, 255).astype(np.uint8))
    both = Image.new("RGB", (900, 600), "gray")
    both.paste(sharp, (0, 0))
    both.paste(portrait.resize((150, 150)), (680, 200))
    both.save(tmp_path / "both.png")
    session = Session()
    found = detect(str(tmp_path / "both.png"), session)
    assert len(found.lines) == 2
    assert found.lines[0].endswith("sharp already")
    assert found.chosen == session.chosen == [1]
    assert "1 of them is sharp already: left as it is unless ticked." in found.message


def test_the_faces_chosen_are_restored_and_no_others(engine, astronaut, tmp_path):
    session, path = Session(), pair_of(astronaut, tmp_path)
    assert detect(str(path), session).lines[1].startswith("2: ")
    outcome = drain(engine, session, path, chosen=(1,))[-1]
    assert [settings["face"] for settings in faces_in(outcome)] == [1]
    both = drain(engine, session, path, chosen=(0, 1))[-1]
    assert [settings["face"] for settings in faces_in(both)] == [0, 1]
    assert [piece["name"] for piece in both.stage["pieces"]] == ["Face 1", "Face 2", "Whole photo"]
    assert all(len(piece["frames"]) == FAST["steps"] for piece in both.stage["pieces"][:2])
    session.chosen = []  # all were unticked
    assert "No face is ticked" in drain(engine, session, path, chosen=())[-1]["line"]
    simulated = drain(engine, session, path, chosen=(), mode="Simulate x8")[-1]
    assert [settings["face"] for settings in faces_in(simulated)] == [0]
    session.clean()


def test_an_enlarged_photo_and_its_metadata_are_saved(engine, astronaut, tmp_path):
    photo = Image.open(astronaut).convert("RGBA")
    photo.putalpha(200)
    exif = Image.Exif()
    exif[0x010E] = "a portrait"
    photo.save(tmp_path / "a.png", exif=exif)
    session = Session()
    outcome = drain(engine, session, tmp_path / "a.png", background=2)[-1]
    saved = Image.open(outcome.photo)
    assert saved.size == (photo.width * 2, photo.height * 2)
    assert saved.mode == "RGBA"
    assert saved.getexif()[0x010E] == "a portrait"
    assert read_settings(outcome.photo)["background"] == 2
    session.clean()


def test_the_bundled_examples_name_their_source():
    text = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.glob("*.*g"):
        assert path.name in text


def test_stopping_at_a_later_face_names_that_face(engine, astronaut, tmp_path):
    session, seen = Session(), []
    path = pair_of(astronaut, tmp_path)
    detect(str(path), session)
    for item in run(engine, session, making(path, chosen=(0, 1))):
        seen.append(item)
        session.stopped |= at_step(item, 2) and item["line"].startswith("Face 2 of 2. ")
    assert "Face 2 of 2. Stopped after step 2 of 4" in seen[-1].stage["line"]
    session.clean()


def test_what_is_sharp_already_goes_by_the_priors_own_crop(astronaut, large_prior, tmp_path):
    (face,) = find_faces(read_image(astronaut)).faces
    apart = float(np.linalg.norm(np.subtract(*five_points(face)[:2])))
    photo = Image.open(astronaut).convert("RGB")
    enlarged = photo.resize([round(side * 56 / apart) for side in photo.size], Image.Resampling.LANCZOS)
    grain = np.random.default_rng(0).normal(0, 14, (enlarged.height, enlarged.width, 1))
    Image.fromarray(np.clip(np.asarray(enlarged) + grain, 0, 255).astype(np.uint8)).save(tmp_path / "sharp.png")
    small, large = (detect(str(tmp_path / "sharp.png"), Session(), prior) for prior in ("embedded", large_prior))
    assert small.lines[0].endswith("sharp already")  # its crop is 143 pixels wide, for a prior of 128
    assert "the model&#x27;s 128 pixels" in small.message
    assert small.chosen == []
    assert not large.lines[0].endswith("sharp already")  # 227 pixels, for a prior of 256


def test_a_small_photo_is_enlarged_by_itself_to_what_its_faces_gain(engine, astronaut, tmp_path):
    small = Image.open(astronaut).resize((128, 128))
    small.save(tmp_path / "small.png")
    session = Session()
    outcome = drain(engine, session, tmp_path / "small.png", background=AUTO)[-1]
    assert Image.open(outcome.photo).size == (512, 512), "four times, which is the most"
    large = drain(engine, session, astronaut, background=AUTO)[-1]
    assert Image.open(large.photo).size == (1024, 1024), "its face has 90 pixels, and the prior 128"
    session.clean()


def test_the_comparer_shows_the_photos_own_pixels(engine, astronaut, tmp_path):
    photo = Image.open(astronaut).convert("RGB")
    photo.resize((photo.width * 3, photo.height * 3)).save(tmp_path / "large.png")
    session = Session()
    sizes, results = {}, {}
    for name, path in (("as it is", astronaut), ("three times", tmp_path / "large.png")):
        piece = drain(engine, session, path)[-1].stage["pieces"][0]
        sizes[name] = decoded(piece["pictures"]["input"]).width
        results[name] = decoded(piece["pictures"]["result"]).width
    assert results == {"as it is": 128, "three times": 256}
    assert sizes["as it is"] == 128
    assert 250 < sizes["three times"] < 400
    session.clean()


def test_what_racm_changed_is_told_and_mapped(engine, astronaut):
    session = Session()
    piece = drain(engine, session, astronaut, values={"steps": 6, "tau": 600})[-1].stage["pieces"][0]
    assert piece["change_text"].startswith("RACM changed ")
    fcm, result = (np.asarray(decoded(piece["pictures"][name]), float) for name in ("fcm", "result"))
    rms = np.sqrt(np.square(result - fcm).mean())
    assert abs(float(piece["change_text"].split()[2]) - rms) < 0.1
    without = drain(engine, session, astronaut, values={"steps": 6, "tau": 1000})[-1].stage["pieces"][0]
    assert not {"fcm", "change"} & set(without["pictures"]), "there is no end of FCM where there is no FCM"
    session.clean()


def test_what_is_asked_for_is_one_request_of_the_pages_controls(engine, astronaut):
    def asked(**values):
        shared = {"photo": None, "mode": "Simulate x8", "aligned": False, "chosen": [], "background": 0, "seed": 1}
        return {**{field: DEFAULTS[field] for field in FIELDS}, **shared, "method": "dpi", **values}

    made = making_of(engine, asked(photo=str(astronaut), chosen=[2, 0], background=3, seed=7.0))
    assert made.request == Request(seeds=(7,), scale=8, face=(0, 2), background=3)
    assert making_of(engine, asked(seed=7)).request.face == "all"
    with pytest.raises(ValueError, match="seed is None"):
        making_of(engine, asked(seed=None))
    with pytest.raises(ValueError, match="tau is 2000"):
        making_of(engine, asked(tau=2000))
    assert making_of(engine, asked(method="ddnm")).words == "ddnm, k 2, seed 1"
    assert "heeds steps, spacing, k, input noise" in plan_of(making_of(engine, asked(method="ddnm")))["line"]


def test_a_run_begun_before_the_faces_are_found_is_not_out_of_date_once_they_are(engine):
    photo, session = str(EXAMPLES / "astronaut-tiny.png"), Session()
    early = list(run(engine, session, making(photo, chosen=())))[-1]
    found = detect(photo, session)
    assert early.stage["made"] == making(photo, chosen=tuple(found.chosen)).key
