"""What ``pip install .`` brings: everything the program opens at run time, and no more."""

import shutil
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from importlib.util import find_spec

import pytest
from conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("setuptools") is None, reason="setuptools is not installed"),
]
LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "*.pyi", "*.egg-info", "build", "dist", "runs", "out", "screenshots", "tests"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The project's wheel, opened; built from a copy, since building leaves files behind."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "project", ignore=LEFT_OUT)
    (folder / "project" / "assets" / "screenshots").mkdir()
    (folder / "project" / "assets" / "screenshots" / "live.jpg").touch()
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", str(folder)]
    subprocess.run([*command, str(folder / "project")], check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def files_under(folder, *, without=()):
    # Gradio writes a stub beside every module with a component of its own.
    found = {
        p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts and p.suffix != ".pyi"
    }
    return {p.relative_to(ROOT) for p in found if p.relative_to(ROOT / folder).parts[0] not in without}


def test_the_wheel_holds_the_package_its_assets_and_nothing_else(wheel):
    files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    package = {path.as_posix() for path in files_under("dpi_core")}
    assets = {f"dpi_core/{path.as_posix()}" for path in files_under("assets", without=("screenshots",))}
    assert files == package | assets
    assert "dpi_core/py.typed" in files


def test_it_names_its_command_and_its_requirements(wheel):
    (info,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    assert "dpi = dpi_core.__main__:main" in wheel.read(f"{info}/entry_points.txt").decode()
    metadata = HeaderParser().parsestr(wheel.read(f"{info}/METADATA").decode())
    wanted = [line.partition(">")[0] for line in (ROOT / "requirements.txt").read_text().splitlines() if line.strip()]
    assert [line.partition("<")[0].partition(">")[0] for line in metadata.get_all("Requires-Dist")] == wanted


def test_what_was_installed_finds_its_models_and_restores_from_another_folder(wheel, tmp_path):
    wheel.extractall(tmp_path / "site")
    photo = shutil.copy(ROOT / "assets" / "examples" / "astronaut-tiny.png", tmp_path / "photo.png")
    script = "import sys; from dpi_core.__main__ import main; sys.exit(main())"
    options = ["restore", photo, "-o", "out", "--steps", "2", "--detector", "embedded", "--device", "cpu"]
    environment = {"PYTHONPATH": str(tmp_path / "site"), "PATH": "", "DPI_CORE_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", script, *options],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"photo-face0-seed0.png", "photo-photo-seed0.png"}
