"""Many photos at once: what fails does not end the rest, nothing is lost or half-written, and a killed batch goes on."""

import hashlib
import io
import json
import os
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from commandline import SHORT, TINY, call, contents, lines, pixels, told
from PIL import Image

from dpi_core.commands import restore as command
from dpi_core.commands.outputs import job_of
from dpi_core.imaging.pictures import save_png

pytestmark = pytest.mark.usefixtures("analytic_models")


def failing(monkeypatch, errors: dict[str, BaseException]) -> None:
    """Let the photos of these stems raise."""
    from dpi_core.restore import restorer

    whole = restorer.prepare

    def prepare(photo, *args, **options):
        if photo.stem in errors:
            raise errors[photo.stem]
        return whole(photo, *args, **options)

    monkeypatch.setattr("dpi_core.restore.restorer.prepare", prepare)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("odd disk"), "odd disk"),
        (
            OSError(28, "No space left on device", "/out/a.png"),
            "/out/a.png: The disk is full; nothing half-written was kept.",
        ),
        (MemoryError(), "The memory does not suffice for this; try a smaller photo,"),
        (RuntimeError("CUDA out of memory. Tried .."), "The memory does not suffice for this; try a smaller photo,"),
        (RuntimeError("a library's"), "an unexpected error, RuntimeError."),
        (RecursionError(), "an unexpected error, RecursionError."),
    ],
)
def test_one_photo_never_ends_a_batch_whatever_is_raised(capfd, monkeypatch, photos, out, tmp_path, error, reason):
    failing(monkeypatch, {"a": error})
    log = tmp_path / "log.jsonl"
    assert call("restore", photos, "-o", out, *SHORT, "--log", log) == 1
    assert sorted(path.name for path in out.iterdir()) == ["b-face0-seed0.png", "c-face0-seed0.png"]
    first, count, last = told(capfd)[-3:]
    assert first == last
    assert count == "1 of 3 photos failed:"
    assert first.startswith(f"{photos / 'a.png'}: {reason}")
    assert [(entry["status"], Path(entry["input"]).name) for entry in lines(log)] == [
        ("failed", "a.png"),
        ("done", "b.png"),
        ("done", "c.png"),
    ]
    failed, done, _ = lines(log)
    assert failed["reason"].startswith(reason)
    assert done["files"] == [str(out / "b-face0-seed0.png")]
    assert done["faces"][0]["lr_consistency"] > 0


def test_an_interruption_ends_a_batch_and_what_was_finished_is_kept(capfd, monkeypatch, photos, out):
    failing(monkeypatch, {"b": KeyboardInterrupt()})
    assert call("restore", photos, "-o", out, *SHORT) == 2
    assert [path.name for path in out.iterdir()] == ["a-face0-seed0.png"]
    assert told(capfd)[-1] == "interrupted; what was finished is kept."


def test_what_is_not_read_is_listed(capfd, photos, out, tmp_path):
    (photos / "more").mkdir()
    for name in ("notes.txt", "more/film.mov"):
        (photos / name).touch()
    (photos / "lost.png").symlink_to(photos / "gone.png")
    log = tmp_path / "log.jsonl"
    assert call("restore", photos, "-o", out, *SHORT, "--log", log) == 0
    (line,) = told(capfd)
    assert line.endswith(f"not read, for they are no picture files: lost.png, {Path('more/film.mov')}, notes.txt.")
    assert lines(log)[0]["status"] == "left out"
    for number in range(50):
        (photos / f"{number}.txt").touch()
    assert call("restore", photos, "-o", out, *SHORT) == 0
    assert told(capfd)[0].endswith(" and 33 more.")


def test_results_in_the_input_folder_are_no_inputs(capfd, photos):
    """Also those that the page saved, and films, which carry no settings of their own."""
    Image.open(TINY).save(photos / "not-ours-face0-seed0.png")
    assert call("restore", photos, "-o", photos / "out", *SHORT, "--film", "gif") == 0
    save_png(Image.open(TINY), photos / "saved.png", {"seed": 0})
    made = contents(photos / "out")
    assert len(made) == 8
    assert call("restore", photos, "-o", photos / "out", *SHORT, "--film", "gif", "--json") == 0
    captured = capfd.readouterr()
    assert captured.err.count("this program made them") == 1
    assert "saved.png" in captured.err
    reports = [json.loads(line) for line in captured.out.splitlines() if line.startswith("{")]
    assert [Path(entry["input"]).name for entry in reports] == ["a.png", "b.png", "c.png", "not-ours-face0-seed0.png"]
    assert contents(photos / "out") == made
    assert call("restore", photos / "out", "-o", photos / "out", *SHORT) == 2
    assert "the folder holds no picture" in capfd.readouterr().err
    assert call("restore", photos / "saved.png", "-o", photos / "out", *SHORT) == 0, "who names a result wants it"


def test_what_is_done_is_skipped_by_content_and_settings(capfd, photos, out):
    assert call("restore", photos, "-o", out, *SHORT, "--film", "gif") == 0
    first = contents(out)
    (out / "b-face0-seed0.gif").unlink()
    Image.open(TINY).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photos / "c.png")
    capfd.readouterr()
    assert call("restore", photos, "-o", out, *SHORT, "--film", "gif", "--json") == 0
    reports = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [entry["status"] for entry in reports] == ["skipped", "done", "done"]
    assert reports[0]["files"] == [str(out / f"a-face0-seed0.{kind}") for kind in ("png", "gif")]
    assert reports[2]["files"] == [str(out / f"c-2-face0-seed0.{kind}") for kind in ("png", "gif")], "another source"
    again = contents(out)
    assert {name: again[name] for name in first} == first
    assert call("restore", photos / "a.png", "-o", out, *SHORT, "--tau", "0") == 0
    assert (out / "a-2-face0-seed0.png").exists(), "other settings"
    assert contents(out)["a-face0-seed0.png"] == first["a-face0-seed0.png"]
    assert call("restore", photos / "a.png", "-o", out, *SHORT, "--tau", "0", "--overwrite") == 0
    assert np.array_equal(pixels(out / "a-face0-seed0.png"), pixels(out / "a-2-face0-seed0.png"))


def test_sources_of_one_name_never_overwrite_each_other(tmp_path, photos, out):
    same = [tmp_path / folder / "x.png" for folder in ("one", "two", "three")]
    for path, source in zip(same, sorted(photos.iterdir()), strict=True):
        path.parent.mkdir()
        path.write_bytes(source.read_bytes())
    for path in same[:2]:
        assert call("restore", path, "-o", out, *SHORT) == 0
    assert call("restore", *same, "-o", out, *SHORT) == 0
    names = ["x-face0-seed0.png", "x-2-face0-seed0.png", "x-3-face0-seed0.png"]
    assert sorted(contents(out)) == sorted(names)
    assert len({pixels(out / name).tobytes() for name in names}) == 3
    assert call("restore", same[1], "-o", out, *SHORT, "--overwrite") == 0
    assert np.array_equal(pixels(out / names[0]), pixels(out / names[1]))


def test_nothing_is_half_written(monkeypatch, photos, out):
    """A photo whose second file fails leaves neither, and what was left of a killed run is no result."""
    from dpi_core.imaging import pictures

    whole, written = pictures.save_png, []

    def save(image, path, settings):
        written.append(path)
        if len(written) == 2:
            Path(path).write_bytes(b"half")
            raise OSError("disk full")
        whole(image, path, settings)

    with monkeypatch.context() as patched:
        patched.setattr(pictures, "save_png", save)
        assert call("restore", photos / "a.png", "-o", out, *SHORT, "--seeds", "2") == 2
    assert list(out.iterdir()) == []
    (out / ".a.part").mkdir()
    (out / ".a.part" / "a-face0-seed0.png").write_bytes(b"half")
    assert call("restore", out, photos, "-o", out, *SHORT) == 2, "the half is no photo either"
    assert call("restore", photos, "-o", out, *SHORT) == 0
    assert sorted(path.name for path in out.iterdir()) == [f"{name}-face0-seed0.png" for name in "abc"]


def test_names_as_long_as_a_file_system_takes(tmp_path, out):
    for name in ("x" * 247, "ä" * 123 + "x", "x" * 246 + "y"):
        assert len(os.fsencode(name)) == 247
        Image.open(TINY).save(tmp_path / f"{name}.png")
    long = sorted(tmp_path.glob("*.png"))
    assert call("restore", *long, "-o", out, *SHORT, "--seed", 2**63 - 1, "--film", "gif") == 0
    assert len(list(out.iterdir())) == 6
    assert call("compare", long[0], "-o", out, *SHORT, "--seeds", "2") == 0
    assert len(list(out.glob("*.zip"))) == 1


def test_a_name_that_the_console_cannot_print(tmp_path, out, monkeypatch):
    names = ["портрет-写真.png", "notes-写真.txt"] + (["\udcff.png"] if sys.platform == "linux" else [])
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / name).write_bytes(TINY.read_bytes())
    argv = ["restore", tmp_path / "in", "-o", out, *SHORT]
    again = [*argv, "--overwrite", "--json", "--log", tmp_path / "log.jsonl"]
    for arguments in (argv, again, ["detect", tmp_path / "in" / names[0]]):
        streams = [io.TextIOWrapper(io.BytesIO(), "cp1252") for _ in range(2)]
        for name, stream in zip(("stdout", "stderr"), streams, strict=True):
            monkeypatch.setattr(sys, name, stream)
        assert call(*arguments) == 0
        streams[1].flush()
        assert b"Traceback" not in streams[1].buffer.getvalue()
    assert len(list(out.iterdir())) == len(names) - 1
    assert {entry["status"] for entry in lines(tmp_path / "log.jsonl")} == {"done", "left out"}


def test_no_result_outlives_its_photo(monkeypatch, tmp_path, out):
    """So a batch of thousands needs the memory of one."""
    before: list[weakref.ref] = []
    restored = command.restored

    def watched(*args, **options):
        assert [ref for ref in before if ref() is not None] == []
        result = restored(*args, **options)
        before.append(weakref.ref(result))
        before.append(weakref.ref(result.preparation))
        return result

    monkeypatch.setattr(command, "restored", watched)
    for number in range(5):
        Image.new("RGB", (16, 16), (40 * number, 90, 120)).save(tmp_path / f"{number}.png")
    assert call("restore", tmp_path, "-o", out, *SHORT) == 0
    assert len(before) == 10


def test_a_result_carries_what_it_was_made_from(out):
    assert call("restore", TINY, "-o", out, *SHORT) == 0
    job = job_of(out / "astronaut-tiny-face0-seed0.png")
    assert job["source"] == hashlib.sha256(TINY.read_bytes()).hexdigest()
    assert job["asked"]["config"]["steps"] == 2
    assert job["files"] == ["astronaut-tiny-face0-seed0.png"]
    assert job_of(TINY) == {}


def test_a_second_comparison_is_numbered(out):
    argv = ["compare", TINY, "-o", out, *SHORT, "--seeds", "2"]
    for options in ([], [], ["--overwrite"]):
        assert call(*argv, *options) == 0
    assert sorted(contents(out)) == ["astronaut-tiny-2-seeds-2.zip", "astronaut-tiny-2-seeds.zip"]
