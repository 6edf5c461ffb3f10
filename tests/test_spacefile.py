import pytest
import yaml
from conftest import ROOT
from pydantic import ValidationError

from dpi_core.space import front_matter
from dpi_core.space.spacefile import read_spacefile

README = "# Title\n\nText with --- in it.\n\n---\n\nMore.\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "Spacefile").write_text((ROOT / "Spacefile").read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def changed(project, **values):
    path = project / "Spacefile"
    there = {**yaml.safe_load(path.read_text(encoding="utf-8")), **values}
    path.write_text(yaml.safe_dump({k: v for k, v in there.items() if v is not None}), encoding="utf-8")
    return project


def test_the_projects_own_spacefile_is_read():
    spacefile = read_spacefile(ROOT)
    assert spacefile.sdk == "gradio"
    assert (ROOT / spacefile.app_file).is_file()
    with pytest.raises(ValidationError):
        spacefile.title = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": "red"}, "unknown key 'colour'; the keys are title, emoji, colorFrom"),
        ({"title": None, "emoji": None}, "title, emoji are missing"),
        ({"title": ""}, "title is ''; allowed is one line of text"),
        ({"title": ["a"]}, "title is .*allowed is one line"),
        ({"emoji": ":)"}, "emoji is ':\\)'; allowed is one emoji"),
        ({"colorFrom": "orange"}, "colorFrom is 'orange'; allowed is one of red, yellow"),
        ({"colorTo": "grey"}, "colorTo is 'grey'; allowed is one of .*gray"),
        ({"sdk": "docker"}, "sdk is 'docker'; allowed is one of gradio"),
        ({"sdk_version": "6.31"}, "sdk_version is '6.31'; allowed is a full version"),
        ({"python_version": 3.1}, "python_version is the number 3.1; put it in quotes"),
        ({"python_version": "2.7"}, "python_version is '2.7'; allowed is '3.x'"),
        ({"app_file": "../app.py"}, "app_file is '../app.py'; allowed is a Python file inside"),
        ({"hardware": "gpu"}, "hardware is 'gpu'; allowed is one of cpu-basic"),
        ({"hardware": "zero-a10g", "python_version": "3.11"}, "on zero-a10g .ZeroGPU. allowed is 3.10 or 3.12"),
        ({"license": "Apache 2"}, "license is 'Apache 2'; allowed is an identifier"),
        ({"short_description": "x" * 61}, "short_description has 61 characters; at most 60"),
        ({"preload": "a/b"}, "preload is 'a/b'; allowed is a list"),
        ({"preload": ["one"]}, "preload holds 'one'; allowed is 'OWNER/NAME'"),
        ({"preload": ["a/b file.pt main"]}, "preload holds .*COMMIT"),
    ],
)
def test_what_is_not_allowed_is_said(project, values, message):
    with pytest.raises(ValueError, match=message):
        read_spacefile(changed(project, **values))


@pytest.mark.parametrize(
    ("text", "message"), [("a: [1\nb: 2\n", "no valid YAML in line 2"), ("- a\n", "holds list"), ("", "NoneType")]
)
def test_what_is_no_mapping_is_said(project, text, message):
    (project / "Spacefile").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_spacefile(project)


def test_a_missing_spacefile_is_said(tmp_path):
    with pytest.raises(ValueError, match="Spacefile is missing"):
        read_spacefile(tmp_path)


@pytest.mark.parametrize(
    ("readme", "rest"),
    [
        (README, "\n" + README),
        ("", "\n"),
        ("---\nother: 1\n---\n" + README, README),
        ("\ufeff---\na: 1\n---\n# T\n", "# T\n"),
        ("---\r\na: 1\r\n---\r\n# T\r\n", "# T\r\n"),
    ],
)
def test_the_block_is_read_back_as_written_and_the_rest_is_kept(project, readme, rest):
    entry = "deepinv/diffunet diffusion_ffhq_10m.pt"
    spacefile = read_spacefile(changed(project, preload=[entry], hardware="zero-a10g", python_version="3.10"))
    new = front_matter.written(readme, spacefile)
    assert front_matter.parse(new) == spacefile.front_matter()
    assert front_matter.parse(new)["python_version"] == "3.10"
    assert front_matter.parse(new)["preload_from_hub"] == [entry]
    assert front_matter.parse(new)["suggested_hardware"] == "zero-a10g"
    assert new.endswith(f"\n---\n{rest}")
    assert front_matter.written(new, spacefile) == new
    assert front_matter.differences(new, spacefile) == []


def test_every_difference_is_one_line(project):
    spacefile = read_spacefile(project)
    other = front_matter.written("", spacefile).replace("colorTo: red", "colorTo: blue\npinned: true")
    assert front_matter.differences(other, spacefile) == [
        "README.md's front matter: colorTo is 'blue', the Spacefile says 'red'.",
        "README.md's front matter: pinned is True, the Spacefile says not there.",
    ]
