"""Imports point one way. The layers of DESIGN stand here as data; the modules are read, not run."""

import ast
import subprocess
import sys

import pytest
from conftest import ROOT

LAYERS = [
    {"errors"},
    {"method"},
    {"imaging", "weights", "space", "baselines", "workers"},
    {"models", "faces", "measure"},
    {"restore"},
    {"show"},
    {"__main__", "commands", "web", "training", "evaluation", "app"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def module_name(path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in [ROOT / "app.py", *sorted((ROOT / "dpi_core").rglob("*.py"))]}
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports_in(tree: ast.AST, *, lazy: bool = True, typing: bool = True) -> set[str]:
    """The modules a tree imports; without `lazy` not inside functions, without `typing` not for annotations only."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if (is_function and not lazy) or (is_type_checking(node) and not typing):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in whole}
        else:
            found |= imports_in(node, lazy=lazy, typing=typing)
    return found


def ours(modules: set[str]) -> set[str]:
    # `from dpi_core import __version__` is no dependency; the package's own file imports nothing at run time
    return {name for name in modules if name.split(".")[0] in ("dpi_core", "app") and name != "dpi_core"}


def run_by_importing(module: str) -> set[str]:
    """The modules that run when this one is imported, themselves and their packages, one step deep."""
    named = imports_in(TREES[module], lazy=False, typing=False)
    return named | {name.rpartition(".")[0] for name in named} - {"dpi_core", ""}


def part(module: str) -> str:
    """The name a module has in LAYERS: dpi_core.faces.align is part of faces."""
    return module.removeprefix("dpi_core.").split(".")[0]


INSIDE = [name for name in MODULES if name != "dpi_core"]


@pytest.mark.parametrize("module", INSIDE)
def test_every_module_has_a_layer_and_imports_nothing_above_it(module):
    assert part(module) in LEVEL, f"{module} has no place in the layers"
    above = {name for name in ours(imports_in(TREES[module])) if LEVEL[part(name)] > LEVEL[part(module)]}
    assert not above, f"{module} imports {above}, which stand above it"


def test_no_module_imports_itself_in_a_circle():
    def needs(module: str) -> set[str]:
        # importing a.b.c runs a.b first, unless a.b or a part of it is what is being imported already
        named = run_by_importing(module)
        return {name for name in named if name in MODULES and not f"{module}.".startswith(f"{name}.")}

    finished: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle: {' -> '.join([*path[path.index(module) :], module])}"
        if module not in finished:
            for name in sorted(needs(module)):
                walk(name, (*path, module))
            finished.add(module)

    for module in INSIDE:
        walk(module, ())
    assert finished == set(INSIDE)


def test_the_package_itself_imports_nothing_at_run_time():
    assert not ours(imports_in(TREES["dpi_core"], typing=False))


def test_only_the_page_and_what_tries_it_imports_gradio():
    users = {name for name in MODULES if any(m.split(".")[0] == "gradio" for m in imports_in(TREES[name]))}
    assert users
    assert {part(name) for name in users} <= {"app", "web", "evaluation"}


@pytest.mark.parametrize("module", ["diffusion", "masks", "config", "timesteps"])
def test_the_arithmetic_knows_no_networks_and_no_files(module):
    outside = {name.split(".")[0] for name in imports_in(TREES[f"dpi_core.method.{module}"])}
    assert outside <= {"collections", "dataclasses", "math", "typing", "torch", "dpi_core"}


def test_the_sampler_loads_shows_and_converts_nothing():
    source = MODULES["dpi_core.method.sampler"].read_text()
    names = {node.id for node in ast.walk(TREES["dpi_core.method.sampler"]) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(TREES["dpi_core.method.sampler"]) if isinstance(node, ast.Attribute)}
    assert not names & {"open", "print", "uint8", "byte", "load", "save", "load_prior", "load_corrector", "tqdm"}
    assert "tqdm" not in source
    assert "uint8" not in source


def test_priors_and_correctors_do_not_sample():
    for module in ("dpi_core.models.priors", "dpi_core.models.correctors"):
        assert not {"dpi_core.method.sampler", "dpi_core.method.masks"} & imports_in(TREES[module])


HEAVY = {"torch", "diffusers", "gradio", "face_alignment", "skimage", "cv2", "tqdm", "ray"}
LIGHT = {  # module -> what it may load of the heavy ones
    "dpi_core": set(),
    "dpi_core.method.config": set(),
    "dpi_core.models.presets": set(),
    "dpi_core.imaging.pictures": set(),
    "dpi_core.__main__": set(),
    "dpi_core.faces": {"cv2"},
    "dpi_core.method.sampler": {"torch", "tqdm"},  # torch itself loads tqdm
    "dpi_core.restore.restorer": {"torch", "tqdm", "cv2"},
    "dpi_core.restore.variants": set(),
    "app": {"gradio"},
}


@pytest.mark.parametrize("module", LIGHT)
def test_no_import_reaches_a_heavy_one(module):
    reached, todo = set(), [module]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += run_by_importing(name) if name in MODULES else []
    assert {name.split(".")[0] for name in reached} & HEAVY <= LIGHT[module]


@pytest.mark.parametrize("module", ["dpi_core", "dpi_core.faces", "dpi_core.__main__", "dpi_core.method.sampler"])
def test_a_fresh_interpreter_stays_light(module):
    code = f"import sys, {module}; print(*sorted({HEAVY - LIGHT[module]!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_no_two_modules_share_a_name():
    names = [path.name for path in MODULES.values() if path.name != "__init__.py"]
    assert len(names) == len(set(names)), sorted({name for name in names if names.count(name) > 1})
