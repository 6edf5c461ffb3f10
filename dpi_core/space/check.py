"""Whether what the hub reads of the project agrees with its Spacefile: README.md, requirements.txt and the app file.

The hub installs ``gradio==sdk_version`` together with requirements.txt, so a requirement that excludes it breaks the build.
"""

from pathlib import Path

from dpi_core.errors import DPIError
from dpi_core.space.front_matter import differences
from dpi_core.space.spacefile import Spacefile, read_spacefile

README, REQUIREMENTS, PROJECT = "README.md", "requirements.txt", "pyproject.toml"


def problems(root: Path, *, front_matter: bool = True) -> list[str]:
    """List what is wrong with the Space in `root`, one line each; empty = nothing.

    Args:
        front_matter: whether README.md's block must agree already; an upload writes it.

    Raises:
        ValueError: if the Spacefile itself cannot be used.
    """
    spacefile = read_spacefile(root)
    found = []
    if not (root / spacefile.app_file).is_file():
        found.append(f"Spacefile: app_file is {spacefile.app_file!r}, and there is no such file in {root}.")
    return found + _readme(root, spacefile, front_matter) + _requirements(root, spacefile) + _project(root, spacefile)


def _readme(root: Path, spacefile: Spacefile, agrees: bool) -> list[str]:
    path = root / README
    if not path.is_file():
        return [f"{README} is missing; its front matter tells the hub how to run the Space."]
    try:
        found = differences(path.read_text(encoding="utf-8"), spacefile)
        return found if agrees else []
    except DPIError as error:
        return [str(error)]


def _requirements(root: Path, spacefile: Spacefile) -> list[str]:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    path = root / REQUIREMENTS
    if not path.is_file():
        return [f"{REQUIREMENTS} is missing; the Space would have nothing but {spacefile.sdk}."]
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.split("#")[0].strip()
        if not text or text.startswith("-"):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            found.append(f"{REQUIREMENTS}, line {number}: {text!r} is no requirement ({error}).")
            continue
        is_sdk = canonicalize_name(requirement.name) == spacefile.sdk
        if is_sdk and not requirement.specifier.contains(spacefile.sdk_version):
            found.append(
                f"Spacefile: sdk_version is {spacefile.sdk_version}; {REQUIREMENTS}, line {number}, allows "
                f"{requirement.name}{requirement.specifier}."
            )
    return found


def _project(root: Path, spacefile: Spacefile) -> list[str]:
    import tomlkit  # Python 3.10 has no reader of its own
    from packaging.specifiers import SpecifierSet

    path = root / PROJECT
    try:
        project = tomlkit.parse(path.read_text(encoding="utf-8")).get("project", {}) if path.is_file() else {}
    except ValueError as error:
        return [f"{PROJECT} is no valid TOML: {error}."]
    found = []
    wanted = project.get("requires-python", "")
    # "3.11" stands for its newest release, which only the series tells
    if wanted and not SpecifierSet(wanted).contains(spacefile.python_version):
        found.append(f"Spacefile: python_version is {spacefile.python_version}; {PROJECT} requires {wanted}.")
    licence = str(project.get("license", ""))
    if licence and licence.lower() != spacefile.licence:
        found.append(f"Spacefile: license is {spacefile.licence}; {PROJECT} says {licence}.")
    return found
