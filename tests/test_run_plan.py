"""Plans in YAML: what they come to, and what people are told who wrote them wrong."""

import pytest

from dpi_core.evaluation.experiment.plan import USUAL, FaceSource, read_plan
from dpi_core.evaluation.methods import Baseline
from dpi_core.evaluation.run import CONFIGS, config_path
from dpi_core.imaging.degradation import Degradation
from dpi_core.imaging.known_degradations import LowLight, degradation_of
from dpi_core.method.config import DPIConfig
from dpi_core.models.presets import find_preset

FACES = "faces: {folder: bundled}\n"
REST = "degradations: [x8]\nmethods: [ddnm]\n"


@pytest.fixture
def plan_of(tmp_path):
    def read(text):
        path = tmp_path / "plan.yaml"
        path.write_text(text)
        return read_plan(path)

    return read


def test_a_short_plan_has_defaults_for_the_rest(plan_of):
    plan = plan_of(FACES + REST)
    assert plan.faces == FaceSource("bundled")
    assert plan.degradations == {"x8": degradation_of("x8")}
    assert plan.methods == {"ddnm": Baseline("ddnm")}
    assert (plan.against, plan.metrics, plan.real) == ("ddnm", USUAL, None)


def test_degradations_are_names_or_parameters(plan_of):
    text = "degradations:\n  - x4\n  - mine: {scale: 8, blur: 1.5}\n  - dark: {kind: low-light, photons: 20}\nmethods: [ddnm]\n"
    found = plan_of(FACES + text).degradations
    assert found == {"x4": Degradation(4), "mine": Degradation(8, blur=1.5), "dark": LowLight(photons=20)}


def test_methods_are_presets_baselines_settings_and_grids(plan_of):
    text = """degradations: [x8]
calls: 7
methods:
  - bicubic
  - medium
  - long: {method: ddnm, steps: 100}
  - spaced: {method: ddnm, spacing: 2}
  - soft: {noise_level: 8, steps: 9}
  - tau: {preset: medium, tau: [0, 300], sparsity: [1, 2]}
"""
    found = plan_of(FACES + text).methods
    medium = find_preset("medium").config.replaced({"steps": 7})
    assert found.pop("bicubic").name == "bicubic"
    assert found == {
        "medium": medium,
        "long": Baseline("ddnm", 100),
        "spaced": Baseline("ddnm", 7, 2),
        "soft": DPIConfig(noise_level=8, steps=9),
        "tau, tau 0, sparsity 1": medium.replaced({"tau": 0, "sparsity": 1}),
        "tau, tau 0, sparsity 2": medium.replaced({"tau": 0, "sparsity": 2}),
        "tau, tau 300, sparsity 1": medium.replaced({"tau": 300, "sparsity": 1}),
        "tau, tau 300, sparsity 2": medium.replaced({"tau": 300, "sparsity": 2}),
    }


def test_a_preset_and_its_settings_may_be_one_word(plan_of):
    found = plan_of(FACES + 'degradations: [x8]\ncalls: 9\nmethods: ["agree:consistent_below=1000"]\n').methods
    assert list(found.values()) == [DPIConfig(consistent_below=1000, steps=9)]


def test_without_calls_a_preset_keeps_its_own(plan_of):
    assert plan_of(FACES + "degradations: [x8]\nmethods: [fine]\n").methods["fine"].steps == 60


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            FACES + REST + "degradation: [x4]",
            "unknown key 'degradation'; allowed are faces, degradations, methods, against",
        ),
        ("degradations: [x8]\nmethods: [ddnm]", "has no 'faces', which is needed"),
        ("faces: {folder: x, fodler: y}\n" + REST, "faces has an unknown key 'fodler'; allowed are folder, aligned"),
        ("faces: {aligned: true}\n" + REST, "faces has no 'folder', which is needed"),
        ("faces: here\n" + REST, "faces is 'here'; expected keys and values"),
        ("faces: {folder: x, aligned: maybe}\n" + REST, "faces.aligned is 'maybe'; allowed is true or false"),
        ("faces: {folder: x, count: 0}\n" + REST, "faces.count is 0; allowed is a whole number from 1"),
        ("faces: {folder: x, skip: -1}\n" + REST, "faces.skip is -1; allowed is a whole number from 0"),
        (FACES + "degradations: [x8\nmethods: [ddnm]", "is no YAML, line 3, column 8"),
        (FACES + "degradations: [fog]\nmethods: [ddnm]", "degradation is 'fog'; allowed is one of x4, x8"),
        (FACES + "degradations: [d: {blurr: 2}]\nmethods: [ddnm]", "no parameter 'blurr'; allowed are scale, kernel"),
        (FACES + "degradations: [x8, x8]\nmethods: [ddnm]", "degradations names 'x8' twice"),
        (FACES + "degradations: x8\nmethods: [ddnm]", "degradations is 'x8'; expected a list"),
        (FACES + "degradations: [x8]\nmethods: [ddnx]", "preset is 'ddnx'; allowed is one of"),
        (FACES + "degradations: [x8]\nmethods: [m: {tua: 3}]", "config has no field 'tua'; the fields are steps, tau"),
        (FACES + "degradations: [x8]\nmethods: [m: {tau: 3000}]", "tau is 3000; allowed is a whole number"),
        (FACES + "degradations: [x8]\nmethods: [m: {tau: []}]", r"tau of m is \[\]; expected a list"),
        (
            FACES + "degradations: [x8]\nmethods: [m: {method: ddnx}]",
            "method of m is 'ddnx'; allowed is one of bicubic",
        ),
        (
            FACES + "degradations: [x8]\nmethods: [m: {method: ddnm, tau: 2}]",
            "unknown key 'tau'; allowed are method, steps, spacing",
        ),
        (FACES + REST + "seeds: two", "seeds is 'two'; allowed is a whole number from 1 to 1000"),
        (FACES + REST + "metrics: [psnr, beauty]", "metric is 'beauty'; allowed is one of detail, grain"),
        (FACES + REST + "against: dps", "against is 'dps'; allowed is one of the methods: ddnm"),
        ("- a\n- b", "expected keys and values"),
        ("", "expected keys and values"),
    ],
)
def test_what_is_wrong_is_said(plan_of, text, message):
    with pytest.raises(ValueError, match=message):
        plan_of(text)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_plan(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_that_comes_along_is_a_plan(path):
    assert read_plan(path).methods
    assert config_path(type(path)(path.stem)) == path


def test_the_data_sets_say_where_they_are_and_their_terms():
    for name in ("celeba", "ffhq", "lfw", "webphoto", "wider"):
        text = (CONFIGS / f"{name}.yaml").read_text()
        assert "http" in text
        assert "# Terms:" in text
