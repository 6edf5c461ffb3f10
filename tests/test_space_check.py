import shutil

import pytest
from conftest import ROOT

from dpi_core.__main__ import main
from dpi_core.space.check import problems

FILES = ("Spacefile", "README.md", "requirements.txt", "pyproject.toml", "app.py")


@pytest.fixture
def project(tmp_path):
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def replaced(project, name, old, new):
    text = (project / name).read_text(encoding="utf-8")
    assert old in text
    (project / name).write_text(text.replace(old, new), encoding="utf-8")


def test_the_project_agrees_with_its_own_spacefile():
    assert problems(ROOT) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("README.md", "colorTo: red", "colorTo: pink", "colorTo is 'pink', the Spacefile says 'red'"),
        ("README.md", "sdk: gradio", "sdk: [", "no valid YAML"),
        (
            "requirements.txt",
            ">=6.31,<7",
            ">=5,<6",
            "sdk_version is 6.31.0; requirements.txt, line 2, allows gradio<6,>=5",
        ),
        ("requirements.txt", "tqdm>=4.60", "tqdm=>4.60", "'tqdm=>4.60,<5' is no requirement"),
        ("Spacefile", "app_file: app.py", "app_file: other.py", "no such file"),
        ("pyproject.toml", '">=3.10"', '">=3.13"', "python_version is 3.12; pyproject.toml requires >=3.13"),
        ("pyproject.toml", '"Apache-2.0"', '"MIT"', "license is apache-2.0; pyproject.toml says MIT"),
    ],
)
def test_what_does_not_agree_is_said(project, name, old, new, message):
    replaced(project, name, old, new)
    assert message in " ".join(problems(project))


@pytest.mark.parametrize("name", ["README.md", "requirements.txt"])
def test_a_missing_file_is_said(project, name):
    (project / name).unlink()
    assert any(problem.startswith(f"{name} is missing") for problem in problems(project))


def test_the_command_says_what_is_wrong_and_mends_the_readme(project, capsys):
    replaced(project, "README.md", "colorTo: red", "colorTo: pink")
    assert main(["space", "check", "--root", str(project)]) == 2
    assert "colorTo is 'pink'" in capsys.readouterr().err
    assert main(["space", "check", "--fix", "--root", str(project)]) == 0
    assert "agree" in capsys.readouterr().out
    assert (project / "README.md").read_text() == (ROOT / "README.md").read_text()


def test_an_unusable_spacefile_is_one_line(project, capsys):
    replaced(project, "Spacefile", "colorTo: red", "colorTo: mauve")
    assert main(["space", "check", "--root", str(project)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
