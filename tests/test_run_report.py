"""Results kept in SQLite and the report made of them, on rows whose figures are known."""

import re
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from dpi_core.evaluation.experiment.html_report import Report, html_report
from dpi_core.evaluation.experiment.plan import read_plan
from dpi_core.evaluation.experiment.results import Results
from dpi_core.evaluation.experiment.run_tables import SetJudge, tables_of
from dpi_core.evaluation.experiment.scatter import scatter
from dpi_core.evaluation.experiment.units import Row, as_png, units_of
from dpi_core.evaluation.groups import LIGHT, brightness
from dpi_core.evaluation.held_out import Faces
from dpi_core.evaluation.methods import Models, settings_from

TEXT = """title: A & B <compared>
faces: {folder: bundled}
degradations: [x8, as-is]
methods: [bicubic, ddnm, medium]
seeds: 2
batch: 2
metrics: [detail, psnr, two_seeds, distance, kid]
"""
COUNT = 3
PRIOR = torch.nn.Linear(2, 2)


def made(way):
    return "made"


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "plan.yaml").write_text(TEXT)
    return read_plan(tmp_path / "plan.yaml")


@pytest.fixture
def faces():
    pixels = torch.rand((COUNT, 3, 32, 32), generator=torch.Generator().manual_seed(0)) * 2 - 1
    return Faces([f"people/{i}.png" for i in range(COUNT)], pixels)


def rows_of(unit, faces):
    """Figures that are told by the number of the face and the method."""
    worth = {"bicubic": 20.0, "ddnm": 24.0, "medium": 26.0}[unit.method]
    for seed in range(max(unit.seeds)):
        for place, name in enumerate(unit.names):
            if seed < unit.seeds[place]:
                number = unit.first + place
                figures = {"psnr": worth + number, "distance": 1 - worth / 100} if unit.degradation == "x8" else {}
                figures |= {"detail": float(worth)}
                figures |= {"two_seeds": 5.0} if seed == 0 and max(unit.seeds) > 1 else {}
                yield Row(name, number, seed, figures, as_png(faces.pixels[number] * 0.9))


@pytest.fixture
def filled(plan, faces, tmp_path):
    units = list(units_of(plan, faces, made))
    results = Results(tmp_path / "out")
    for unit in units:
        results.add(unit, list(rows_of(unit, faces)))
    yield units, results
    results.close()


def report_of(plan, faces, filled, tmp_path, networks=None):
    units, results = filled
    judge = SetJudge(networks or {}, faces.pixels, tmp_path / "kept", plan.metrics)
    tables = tables_of(plan, faces, results.of(units), judge)
    inputs = dict.fromkeys(plan.degradations, faces.pixels[..., ::8, ::8])
    return Report(plan, TEXT, tables, faces, inputs, ("a fact",), {"FID (low)": "no network <here>"})


def test_units_hold_each_face_and_seed_once(plan, faces):
    units = list(units_of(plan, faces, made))
    assert len({unit.key for unit in units}) == len(units) == 2 * 3 * 2
    assert sum(unit.rows for unit in units) == 2 * COUNT * (1 + 2 + 2)
    ddnm = [unit for unit in units if (unit.degradation, unit.method) == ("x8", "ddnm")]
    assert [(unit.first, unit.names) for unit in ddnm] == [
        (0, ("people/0.png", "people/1.png")),
        (2, ("people/2.png",)),
    ]


def test_a_unit_is_another_where_faces_settings_or_models_are(plan, faces):
    keys = {unit.key for unit in units_of(plan, faces, made)}
    assert keys == {unit.key for unit in units_of(plan, faces, made)}
    assert not keys & {unit.key for unit in units_of(plan, faces, lambda way: "made by others")}
    assert not keys & {unit.key for unit in units_of(plan, Faces(faces.names, -faces.pixels), made)}


def test_another_corrector_makes_those_methods_anew_that_ask_it():
    def models(corrector):
        torch.manual_seed(corrector)
        return Models(SimpleNamespace(unet=PRIOR), SimpleNamespace(unet=torch.nn.Linear(2, 2)), torch.device("cpu"))

    ways = settings_from(["bicubic", "corrector", "ddnm", "medium", "plain:correct=false"])
    same = {name: models(0).digest(way) == models(1).digest(way) for name, way in ways.items()}
    assert same == {"bicubic": True, "corrector": False, "ddnm": True, "medium": False, "plain": True}


def test_no_row_is_there_twice_and_a_lost_picture_is_missing(plan, faces, filled):
    units, results = filled
    assert results.missing(units) == []
    before = results.of(units)
    results.add(units[0], list(rows_of(units[0], faces)))
    assert results.of(units) == before
    before[0].file.unlink()
    (missing,) = results.missing(units)
    assert (missing.degradation, missing.method, missing.first) == (before[0].degradation, before[0].method, 0)


def test_tables_are_the_means_of_the_first_seeds(plan, faces, filled, tmp_path, monkeypatch):
    assert not report_of(plan, faces, filled, tmp_path).tables[0].groups, "three faces are too few for thirds"
    monkeypatch.setattr("dpi_core.evaluation.groups.FEWEST", 1)
    x8, as_it_is = report_of(plan, faces, filled, tmp_path).tables
    assert list(x8.rows) == ["truth", "bicubic", "ddnm", "medium"]
    assert [x8.rows[name]["psnr"][0] for name in ("bicubic", "ddnm", "medium")] == [21, 25, 27]
    assert x8.rows["truth"]["detail"] == (1, 1, 1)
    assert x8.less["medium"]["psnr"] == (6, 6, 6)
    assert "two_seeds" not in x8.rows["bicubic"]
    assert x8.rows["ddnm"]["two_seeds"] == (5, 5, 5)
    by_light = {method: {name: found[0] for name, found in row.items()} for method, row in x8.groups["psnr"].items()}
    order = brightness(faces.pixels).argsort().tolist()
    assert by_light["ddnm"] == {third: 24.0 + face for third, face in zip(LIGHT, order, strict=True)}
    assert x8.less_groups["psnr"]["ddnm"] == dict.fromkeys(LIGHT, (4.0, 4.0, 4.0))
    assert list(x8.groups["distance"]) == ["bicubic", "ddnm", "medium"]
    assert "truth" not in as_it_is.rows
    assert not as_it_is.groups
    assert "detail" not in as_it_is.rows["ddnm"], "there is no truth to compare with"


def test_sets_are_judged_by_networks_that_are_asked_once(plan, faces, filled, tmp_path):
    asked = []

    def features(pictures):
        asked.append(len(pictures))
        return pictures.mean(dim=(2, 3))

    for _ in range(2):
        x8 = report_of(plan, faces, filled, tmp_path, {"features": features}).tables[0]
        assert {"truth", "bicubic", "ddnm", "medium"} == {name for name, row in x8.rows.items() if "kid" in row}
    assert asked == [3, 3], "the real faces and the results, which are the same for all methods here"


def test_the_report_is_well_formed_and_holds_the_figures(plan, faces, filled, tmp_path):
    html = html_report(report_of(plan, faces, filled, tmp_path))
    assert html.startswith("<!DOCTYPE html>")
    root = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>"))
    text = " ".join(root.itertext())
    for expected in ("A & B <compared>", "27.00", "26.00 .. 28.00", "+6.00", "no network <here>", "NIQE", "seeds: 2"):
        assert expected in text
    assert not re.search(r'(src|href)="(?!data:|#)', html), "the file needs no other"
    tables = root.findall(".//table[@class='figures']")
    titles = [cell.text for cell in tables[0].find("tr").findall("th")]
    assert titles[:3] == ["method", "calls", "detail, amplitude / truth's (1)"]
    best = [
        row[0].text
        for row in tables[0].findall("tr")[1:]
        if row[titles.index("PSNR, dB (high)")].get("class") == "best"
    ]
    assert best == ["medium"]
    pictures = root.findall(".//table[@class='sheet']")[0].findall(".//img")
    assert len(pictures) == COUNT * 5
    plots = root.findall(".//{http://www.w3.org/2000/svg}svg")
    assert len(plots) == 2, "identity and detail against PSNR; no truth, no plot"


def test_better_is_up_and_to_the_right_and_labels_keep_apart():
    rows = {f"method {i}": {"psnr": (20 + i / 9,) * 3, "distance": (0.5 - i / 90,) * 3} for i in range(9)}
    root = ElementTree.fromstring(scatter(rows, "psnr", "distance"))
    space = "{http://www.w3.org/2000/svg}"
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in root.iter(f"{space}circle")]
    assert dots == sorted(dots)
    assert [y for _, y in dots] == sorted((y for _, y in dots), reverse=True)
    labels = [(float(t.get("x")), float(t.get("y"))) for t in root.iter(f"{space}text") if t.get("class") == "name"]
    gaps = [(abs(a[0] - b[0]), abs(a[1] - b[1])) for i, a in enumerate(labels) for b in labels[:i]]
    assert all(dx > 50 or dy > 9 for dx, dy in gaps)
    assert scatter({"a": rows["method 1"]}, "psnr", "distance") == ""


@pytest.mark.parametrize("values", [[1, 2, 3], [0.001, 0.0042], [20, 99], [-3, -3], [5e3, 2e4]])
def test_an_axis_has_a_few_round_ticks(values):
    rows = {str(i): {"psnr": (v,) * 3, "ssim": (v,) * 3} for i, v in enumerate(values)}
    svg = ElementTree.fromstring(scatter(rows, "psnr", "ssim"))
    ticks = [float(t.text) for t in svg.iter("{http://www.w3.org/2000/svg}text") if t.get("text-anchor") == "end"]
    assert 2 <= len(ticks) <= 12
    assert np.allclose(np.diff(ticks), ticks[1] - ticks[0])
