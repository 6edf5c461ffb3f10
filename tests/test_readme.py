"""Every example of the README and of docs/ runs as printed."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from conftest import ROOT

from dpi_core.__main__ import main, parser
from dpi_core.evaluation.run import CONFIGS

PAGES = {
    path: path.read_text()
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
}
README = "\n".join(PAGES.values())


def blocks(language: str, after: str) -> list[str]:
    """The code blocks of one language between the heading `after` and the next one."""
    section = README.split(f"\n## {after}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def workplace(tmp_path):
    """A folder that looks like the project's root, where examples may write."""
    for name in ("assets", "dpi_core"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def run(command: list[str], folder) -> str:
    """What a process of its own prints, with the embedded models."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_the_first_python_example(workplace):
    (code,) = blocks("python", "Five examples")
    run([sys.executable, "-c", code], workplace)
    assert (workplace / "restored-photo.png").exists()


def test_the_python_examples(workplace, analytic_models, monkeypatch):
    monkeypatch.chdir(workplace)
    examples = blocks("python", "Python")
    assert len(examples) == 3
    for code in examples:
        exec(code, {})
    assert (workplace / "restored-photo.png").exists()
    assert (workplace / "face-seed1.png").exists()


def test_the_first_command_line_examples_are_understood():
    (block,) = blocks("bash", "Five examples")
    for line in block.strip().splitlines()[1:]:
        parser().parse_args(shlex.split(line)[3:])


def test_the_command_line_examples(workplace, analytic_models, monkeypatch, capsys):
    monkeypatch.chdir(workplace)
    (block,) = blocks("bash", "Command line")
    for line in block.strip().splitlines():
        python, dash, package, *argv = shlex.split(line)
        assert (python, dash, package) == ("python", "-m", "dpi_core")
        assert main(argv) == 0
        assert capsys.readouterr().out
    assert len(list((workplace / "out").glob("*.png"))) > 10


def test_the_list_of_priors(workplace):
    (block,) = blocks("bash", "Priors")
    listing = block.splitlines()[0]
    assert "ffhq-256" in run([sys.executable, *shlex.split(listing)[1:]], workplace)


def test_the_http_example(workplace, app_url, monkeypatch, capsys):
    monkeypatch.chdir(workplace)
    (code,) = blocks("python", "HTTP")
    assert "http://127.0.0.1:7860" in code
    exec(code.replace("http://127.0.0.1:7860", app_url), {})
    output = capsys.readouterr().out
    assert output.count("'stage'") == 20
    assert "'done': True" in output


def test_the_space_examples(workplace, monkeypatch, capsys):
    monkeypatch.chdir(workplace)
    (block,) = blocks("bash", "Hugging Face Space")
    check, dry_run, upload = block.strip().splitlines()
    assert upload == f"{dry_run} --yes"
    for line, told in ((check, "agree"), (dry_run, "Nothing was sent")):
        assert main(shlex.split(line)[3:]) == 0
        assert told in capsys.readouterr().out


def test_the_commands_name_what_exists():
    for module in re.findall(r"python -m ((?:dpi_core|tests)\.[\w.]+)", README):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module
    for plan in re.findall(r"evaluation\.run (\w+)[ `]", README):
        assert (CONFIGS / f"{plan}.yaml").exists(), plan
    for page, text in PAGES.items():
        for path in re.findall(r"\]\((?!http)([^)]+)\)", text):
            assert (page.parent / path).exists(), path
