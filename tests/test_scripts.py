"""How the scripts that train and measure fail: in a sentence, with exit code 2, and before they write."""

from importlib import import_module

import pytest
from conftest import ROOT
from training_runs import write_faces

SCRIPTS = [
    f"{folder}.{path.stem}"
    for folder in ("training", "evaluation")
    for path in sorted((ROOT / "dpi_core" / folder).glob("*.py"))
    if "\ndef main(" in path.read_text()
]
OF_FACES = ["automatic_choice", "corrector_256", "embedded", "estimates", "octave_figures", "precision", "stages"]
TRAINING = ["prior", "corrector", "finishing", "top_octave"]
WITH_OUT = [*TRAINING, "embedded", "octave_figures"]
MISSING = {
    **{f"training.{name}": ["--data", "missing"] for name in TRAINING},
    **{f"evaluation.{name}": ["--data", "missing"] for name in OF_FACES},
    "evaluation.run": ["examples", "--faces", "missing"],
    "evaluation.faces": ["missing"],
    "evaluation.speed_gpu": ["--prior", "missing", "--device", "cpu"],
}


def fails(name: str, argv: list[str], capsys) -> str:
    """Run a script that has to fail; return its last line on stderr."""
    out = ["--out", "runs/out"] if name.split(".")[1] in WITH_OUT else []
    init = ["--init", "missing"] if name == "training.finishing" and "--init" not in argv else []
    with pytest.raises(SystemExit) as ended:
        import_module(f"dpi_core.{name}").main([*argv, *out, *init])
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_ends_in_a_sentence(name):
    assert hasattr(import_module(f"dpi_core.{name}").main, "__wrapped__")


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_is_named_and_nothing_is_left_behind(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert "missing" in fails(name, MISSING[name], capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["prior", "corrector", "finishing"])
def test_weights_to_start_from_that_are_missing_are_named(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    faces = write_faces(tmp_path / "faces")
    assert "missing" in fails(f"training.{name}", ["--data", str(faces), "--init", "missing"], capsys)
    assert not (tmp_path / "runs" / "out").exists()


@pytest.mark.parametrize("name", OF_FACES)
def test_fewer_faces_than_any_is_held_out_of_are_told(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    faces = write_faces(tmp_path / "faces", 3)
    assert "none of its faces is held out" in fails(f"evaluation.{name}", ["--data", str(faces)], capsys)
