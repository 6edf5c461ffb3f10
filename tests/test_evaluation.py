import json
import tarfile

import numpy as np
import pytest
import torch
from formulas import FacePrior, analytic_corrector
from PIL import Image
from training_runs import write_faces

from dpi_core.evaluation import embedded, methods, stages
from dpi_core.evaluation.groups import TURNED, brightness, groups, turn
from dpi_core.evaluation.held_out import bicubic_task, face_sets, held_out_faces, task_of
from dpi_core.evaluation.intervals import mean_interval, ratio_interval
from dpi_core.evaluation.methods import (
    Baseline,
    Models,
    calls_of,
    corrector_alone,
    restore,
    restored,
    settings_from,
)
from dpi_core.faces import detect_faces
from dpi_core.faces.align import crop_face
from dpi_core.imaging.degradation import downscale
from dpi_core.imaging.pixels import to_tensor
from dpi_core.method.config import DPIConfig
from dpi_core.method.consistency import project
from dpi_core.method.sampler import sample_steps
from dpi_core.models.presets import PRESETS
from dpi_core.training.data import held_out_names, ranked_names, read_encoded


def pictures(count=3, size=32):
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.random((count, 3, 6, 6))).float()
    return torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1) * 2 - 1


@pytest.fixture
def folder(tmp_path):
    return write_faces(tmp_path / "faces", 30)


# Intervals.


def test_an_interval_holds_its_mean_and_narrows_with_more_values():
    rng = np.random.default_rng(1)
    widths = []
    for count in (10, 100, 1000):
        mean, low, high = mean_interval(rng.normal(5, 2, count))
        assert low <= mean <= high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(2 * 1.96 * 2 / 1000**0.5, rel=0.15)  # the normal interval


def test_an_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    covered = [
        low <= 0 <= high for _, low, high in (mean_interval(rng.normal(0, 1, 60), draws=400) for _ in range(200))
    ]
    assert 0.88 <= np.mean(covered) <= 0.99


def test_one_value_is_certain_and_none_is_an_error():
    assert mean_interval([3.0]) == (3.0, 3.0, 3.0)
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])


def test_a_ratio_is_one_of_sums_and_its_pairs_stay_together():
    below = np.random.default_rng(3).uniform(1, 9, 50)
    assert ratio_interval(2 * below, below) == pytest.approx((2, 2, 2))
    assert ratio_interval([1, 3], [2, 6])[0] == 0.5


# Faces and tasks.


def test_held_out_faces_are_those_that_never_train(folder):
    names = sorted(held_out_names([path.name for path in folder.glob("*.png")]))
    faces = held_out_faces(folder, 16)
    assert faces.shape == (3, 3, 16, 16)
    first = Image.open(folder / names[0]).resize((16, 16), Image.Resampling.LANCZOS)
    assert torch.allclose(faces[0], torch.from_numpy(np.array(first)).permute(2, 0, 1) / 127.5 - 1, atol=1e-6)
    assert torch.equal(held_out_faces(folder, 16, 2), faces[:2])
    assert len(held_out_faces(folder, 16, everything=True)) == 30


def test_a_bicubic_task_is_the_reduction_it_names():
    task = bicubic_task(pictures(), 4)
    assert task.name == "x4"
    assert torch.equal(task.low_res, downscale(pictures(), 4))
    assert task.condition.shape == (3, 3, 32, 32)


def test_a_blind_task_is_the_same_every_time_and_for_any_number_of_faces():
    task = task_of("blind", pictures())
    assert task.low_res.shape == (3, 3, 4, 4)
    assert torch.equal(task.low_res, task_of("blind", pictures()).low_res)
    assert torch.equal(task.low_res[:2], task_of("blind", pictures()[:2]).low_res)
    assert not torch.equal(task.low_res, task_of("8", pictures()).low_res)


def test_a_face_keeps_its_number_in_any_part_of_the_faces():
    for name in ("blind", "medium"):
        whole, part = task_of(name, pictures(5)), task_of(name, pictures(5)[3:], first=3)
        assert torch.equal(part.low_res, whole.low_res[3:])
        assert part.first == 3


def test_the_medium_damage_is_one_for_all_and_its_noise_is_known():
    grey = task_of("medium", torch.zeros(40, 3, 32, 32))
    assert grey.noise_level == 8
    assert grey.low_res.shape[-1] == 4
    assert 4 < float((grey.low_res * 127.5).std()) < 9  # JPEG takes some of the noise


def test_sets_are_by_kind_in_the_order_of_the_hash(tmp_path, folder):
    (face_set,) = face_sets(folder, 16).items()
    names = ranked_names(path.name for path in folder.glob("*.png"))
    assert (face_set[0], face_set[1].names) == ("faces", names[:3])
    assert torch.equal(face_set[1].pixels.sort(dim=0).values, held_out_faces(folder, 16).sort(dim=0).values)
    shards = tmp_path / "shards"
    shards.mkdir()
    for shard, start in (("sharp-1", 0), ("soft-1", 20)):
        with tarfile.open(shards / f"{shard}.tar", "w") as archive:
            for i in range(start, start + 20):
                archive.add(folder / f"face{i % 30:02}.png", f"{('ffhq', 'utk', 'gen')[i % 3]}_{i:02}.png")
    sets = face_sets(shards, 16)
    assert list(sets) == ["sharp", "utk"]
    never_train = held_out_names(list(read_encoded(shards)))
    assert set(sets["sharp"].names) | set(sets["utk"].names) <= never_train
    assert sets["sharp"].names
    assert all(int(name[-6:-4]) < 20 for name in sets["sharp"].names)
    assert all(name.startswith("utk_") for name in sets["utk"].names)
    everything = face_sets(shards, 16, everything=True)
    assert (len(everything["sharp"].names), len(everything["utk"].names)) == (14, 13), "generated faces are left out"


@pytest.fixture
def small_groups(monkeypatch):
    monkeypatch.setattr("dpi_core.evaluation.groups.FEWEST", 1)


def test_groups_of_a_few_faces_are_left_out():
    names = [f"{age}_0_1_2017_{i}.jpg" for i, age in enumerate([20] * 10 + [70] * 4)]
    found = groups(names, torch.linspace(-1, 1, 14).view(14, 1, 1, 1).expand(14, 3, 8, 8))
    sizes = {name: len(rows) for name, rows in found.items()}
    assert sizes == {"age 13 to 29": 10, "Black": 14, "male": 14, "darkest third": 5, "middle third": 5}


def test_groups_are_what_names_and_light_tell(small_groups):
    faces = torch.linspace(-1, 1, 4).view(4, 1, 1, 1).expand(4, 3, 8, 8)
    names = ["1_0_1_2017.jpg", "shard/70_1_0_2017.jpg", "utk_00017.webp", "33_1_4_2017.jpg"]
    assert groups(names, faces) == {
        "age 0 to 12": [0],
        "age 30 to 49": [3],
        "age 65 and over": [1],
        "Black": [0],
        "White": [1],
        "female": [1, 3],
        "male": [0],
        "other": [3],
        "darkest third": [0, 1],
        "middle third": [2],
        "lightest third": [3],
    }
    assert list(groups(["a", "b"], faces[:2])) == ["darkest third", "middle third"]


def test_a_face_is_as_far_turned_as_its_mirror_image(astronaut, small_groups):
    portrait = Image.open(astronaut).convert("RGB")
    (face, *_) = detect_faces(portrait, "embedded")
    crop = to_tensor(crop_face(np.asarray(portrait), face.points, "tight-128").pixels[None])
    turned, mirrored, nobody = turn(torch.cat([crop, crop.flip(-1), torch.zeros_like(crop)]))
    assert 0 <= turned < 0.4
    assert mirrored == pytest.approx(float(turned), abs=0.05)
    assert nobody.isnan()
    third = TURNED[0]
    assert groups(["a", "b"], torch.cat([torch.zeros_like(crop), crop]))[third] == [1], "who is not found is in none"


def test_brightness_is_that_of_the_middle():
    faces = torch.full((2, 3, 8, 8), -1.0)
    faces[:, :, 2:-2, 2:-2] = torch.tensor([0.5, -0.25]).view(2, 1, 1, 1)
    assert brightness(faces).tolist() == [0.5, -0.25]


# Methods.


def models(prior, corrector):
    return Models(prior, corrector, torch.device("cpu"))


def test_a_corrector_that_does_nothing_leaves_the_condition(analytic_prior):
    task = bicubic_task(pictures(), 4)
    assert torch.allclose(corrector_alone(models(analytic_prior, lambda c, t, y: y), task), task.condition)


def test_the_corrector_alone_is_asked_on_every_shifted_grid(analytic_prior):
    task = bicubic_task(pictures(), 4)
    result = corrector_alone(models(analytic_prior, lambda c, t, y: y * 0.5), task)
    assert torch.allclose(result, task.condition * 0.5)


def test_a_face_gets_the_same_result_in_any_batch(analytic_prior, monkeypatch):
    task = bicubic_task(pictures(5), 4)
    whole = restore(models(analytic_prior, None), task, DPIConfig(steps=3))
    monkeypatch.setattr(methods, "BATCH", 2)
    assert torch.allclose(restore(models(analytic_prior, None), task, DPIConfig(steps=3)), whole, atol=1e-5)
    last = bicubic_task(pictures(5)[3:], 4, first=3)
    assert torch.allclose(restore(models(analytic_prior, None), last, DPIConfig(steps=3)), whole[3:], atol=1e-5)
    exact = restore(models(analytic_prior, None), task, DPIConfig(steps=3, project=True))
    assert torch.allclose(exact, project(whole, task.low_res), atol=1e-5)


def test_a_method_restores_each_face_with_its_own_seed(analytic_prior):
    task = bicubic_task(pictures(2), 8)
    both, same = (restore(models(analytic_prior, None), task, Baseline("ddrm", 5), seeds) for seeds in ([4, 9], [4, 4]))
    assert torch.allclose(same[:1], both[:1], atol=1e-5)
    assert not torch.allclose(same[1:], both[1:], atol=1e-2)


def test_settings_are_presets_or_fields_or_methods():
    found = settings_from(["medium", "mine:tau=300,eta=0.5,project=True", "ddnm"])
    mine = DPIConfig(tau=300, eta=0.5, project=True)
    assert found == {"medium": PRESETS["medium"].config, "mine": mine, "ddnm": Baseline("ddnm")}
    assert [calls_of(way) for way in (Baseline("bicubic"), Baseline("dps", 7), DPIConfig(steps=9))] == [0, 7, 9]
    for wrong in ("nothing", "mine:tua=3", "mine:tau=many", "mine:tau=2000"):
        with pytest.raises(ValueError, match=r"allowed|no field"):
            settings_from([wrong])


@pytest.mark.parametrize(("tau", "step"), [(0, -2), (350, 11), (1000, 0)])
def test_the_end_of_fcm_is_its_last_estimate(analytic_prior, tau, step):
    task = bicubic_task(pictures(), 4)
    config = DPIConfig(tau=tau)
    events = list(sample_steps(analytic_prior, task.condition, config, seeds=range(3)))
    found = restored(models(analytic_prior, None), task, config)
    assert torch.equal(found.fcm_end, events[step].x0)
    assert torch.equal(found.result, events[-1].x0)
    assert events[step].stage == ("RACM" if tau == 1000 else "FCM")


# The commands.


@pytest.fixture
def formulas(monkeypatch):
    """In place of the models that the commands load."""
    monkeypatch.setattr(methods, "load_prior", lambda *_: FacePrior())
    monkeypatch.setattr(methods, "load_corrector", lambda *_: analytic_corrector)


@pytest.mark.slow
def test_the_evaluation_prints_tables_and_writes_figures_and_a_sheet(
    folder, tmp_path_factory, capsys, monkeypatch, small_groups
):
    monkeypatch.setattr(embedded, "SEEDS", 3)
    monkeypatch.setattr(embedded, "PRIOR_STEPS", 2)
    out = tmp_path_factory.mktemp("figures")
    argv = ["--data", str(folder), "--out", str(out), "--faces", "2", "--diverse", "1", "--device", "cpu"]
    argv += ["--all", "--settings", "mild", "short:steps=2,tau=900"]
    embedded.main(argv)
    first = (out / "figures.json").read_text()
    printed = capsys.readouterr().out
    monkeypatch.setattr(embedded, "restored", None)  # nothing is restored again
    embedded.main(argv)
    assert (out / "figures.json").read_text() == first
    methods = json.loads(first)["sets"]["faces"]["x8"]["methods"]
    assert list(methods) == [
        *("truth", "bicubic", "corrector alone", "mild", "short"),
        *("the prior's own, eta 0", "the prior's own, eta 1"),
    ]
    for row in methods.values():
        assert all(low <= middle <= high for middle, low, high in row.values())
    assert methods["truth"]["detail"] == methods["truth"]["grid"] == [1, 1, 1]
    assert methods["bicubic"]["gain"] == [0, 0, 0]
    assert methods["bicubic"]["detail"][0] < 1
    assert methods["mild"]["agreement"][0] > methods["short"]["agreement"][0] + 10
    assert methods["short"]["two_seeds"][0] > 0
    assert {"eight_seeds", "fcm_end", "ssim", "ms_ssim"} <= set(methods["short"])
    assert "| detail, amplitude / truth's (1) | 1.00 (1.00 .. 1.00) |" in printed
    assert "| faces, x8, short | darkest third | middle third |" in printed
    assert printed.endswith((out / "report.md").read_text())
    assert Image.open(out / "faces-x8.png").width == 8 * 256


def test_wrong_settings_are_named(folder, tmp_path, capsys):
    with pytest.raises(SystemExit):
        embedded.main(["--data", str(folder), "--out", str(tmp_path / "out"), "--settings", "mine:tau=-1"])
    assert "tau is -1; allowed is" in capsys.readouterr().err


def test_the_stages_are_told_step_by_step(folder, formulas, capsys):
    stages.main(["--data", str(folder), "--faces", "1", "--device", "cpu"])
    lines = capsys.readouterr().out.splitlines()
    assert "tau 0 | tau 150 | tau 350" in lines[2]
    steps = [line for line in lines if line.startswith("| ") and line.split()[1].isdigit()]
    assert [int(line.split()[1]) for line in steps] == list(range(950, -1, -50))
    assert steps[0].count("FCM") == 3
    assert steps[-1].count("final") == 3
    assert steps[12].count("RACM") == 1  # t = 350, of tau 350
