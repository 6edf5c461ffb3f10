import weakref
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from formulas import AnalyticPrior, analytic_corrector
from PIL import Image

from dpi_core.measure.comparison import compare_pictures, seed_diversity
from dpi_core.method.config import DPIConfig
from dpi_core.method.timesteps import stage_of, timestep_pairs
from dpi_core.restore import variant_runs as engine
from dpi_core.restore.request import Branch
from dpi_core.restore.restorer import Restorer
from dpi_core.restore.variant_runs import VariantResult, VariantStep, mean_figures, run_variants
from dpi_core.restore.variants import KeptRun, Variant, plan_variants, shared_steps

SIX = DPIConfig(steps=6, tau=400, eta=1.0)  # t = 833, 666, 500 are FCM, 333 and 166 RACM, 0 the last


class AnalyticRestorer(Restorer):
    """The pipeline over networks of one line each, of 32 pixels; `strength` tells one prior from another."""

    def __init__(self, strength: float = 1.0):
        self.device, self.corrector = torch.device("cpu"), analytic_corrector
        self.prior = AnalyticPrior()
        self.prior.template = "ffhq-256"
        self._octave = None
        self._names = {"prior": "analytic", "corrector": "analytic"}
        predict = self.prior.predict_eps
        self.prior.predict_eps = lambda x, t: strength * predict(x, t)


@pytest.fixture
def faces():
    picture = Image.fromarray(np.random.default_rng(3).integers(0, 256, (32, 32, 3), dtype=np.uint8))
    restorers = {"embedded": AnalyticRestorer(), "other": AnalyticRestorer(0.9)}
    return {name: (r, r.prepare(picture, scale=4, aligned=True)) for name, r in restorers.items()}


def variants_of(*changes, seeds=(0,), prior="embedded"):
    return [Variant(SIX.replaced(values), seeds, prior) for values in changes]


def kept_run(faces, variant, steps=100):
    restorer, prepared = faces[variant.prior]
    items = list(restorer.restore_steps(prepared, variant.config, seeds=variant.seeds))
    return KeptRun(variant, [item.event for item in items[:-1]][:steps])


def alone(faces, variant):
    """The last clean estimate of a variant that shares nothing."""
    restorer, prepared = faces[variant.prior]
    *_, last, _ = restorer.restore_steps(prepared, variant.config, seeds=variant.seeds, branch=variant.branch)
    return last.event.x0


GRIDS = {
    "one": variants_of({}, seeds=(3, 1)),
    "tau": variants_of({"tau": 0}, {"tau": 400}, {"tau": 1000}, {"tau": 600}, seeds=(5, 6)),
    "all but FCM": variants_of({"omega": 500.0, "tau": 600}, {"edge_exponent": 2.0}, {"omega": 500.0}, {"tau": 0}),
    "projection": variants_of({"project": True}, {}, {"project": True, "tau": 0}),
    "nothing in common": variants_of({"eta": 0.0}, {"sparsity": 1}, {"steps": 4}, {"correct": False}),
    "other seeds and priors": [Variant(SIX), Variant(SIX, (1,)), Variant(SIX, prior="other"), Variant(SIX, (0, 1))],
    "the same twice": variants_of({}, {}),
    "one step": variants_of({"steps": 1}, {"steps": 1, "tau": 0}),
    "a branch and its stem": [
        Variant(SIX, (3, 8), branch=Branch(2, 0)),
        Variant(SIX),
        Variant(SIX.replaced({"tau": 0})),
    ],
    "two branches of no run": [Variant(SIX, seeds, branch=Branch(2, 7)) for seeds in ((3, 8), (4, 9))],
    "a branch and another tau": [
        Variant(SIX.replaced({"tau": tau}), (3, 8), branch=Branch(2, 7)) for tau in (400, 0, 700)
    ],
}


def depends_on(variant):
    """For each step but the last all that its outcome depends on, the steps before it aside."""
    c, parted, steps = variant.config, variant.branch, []
    for index, (t, t_prev) in enumerate(timestep_pairs(c.steps)[:-1]):
        stage = stage_of(t, t_prev, c.tau)
        common = replace(c, tau=0, omega=1.0, edge_exponent=1.0, project=False)
        late = (c.omega, c.edge_exponent) if stage == "RACM" else ()
        seeds = variant.seeds if parted is None or index >= parted.step else (parted.seed,)
        steps.append((variant.prior, seeds, stage, common, late))
    return steps


@pytest.mark.parametrize("name", GRIDS)
def test_shared_steps_are_those_that_depend_on_the_same(name):
    for a in GRIDS[name]:
        for b in GRIDS[name]:
            first, second = depends_on(a), depends_on(b)
            same = [x == y for x, y in zip(first, second, strict=False)]
            assert shared_steps(a, b) == (same.index(False) if False in same else len(same))
            assert shared_steps(a, b) == shared_steps(b, a)


@pytest.mark.parametrize("side_by_side", [False, True])
@pytest.mark.parametrize("name", GRIDS)
def test_every_variant_comes_out_as_if_it_were_run_alone(faces, name, side_by_side):
    variants = GRIDS[name]
    plan, last, results, done = plan_variants(variants), {}, {}, [0]
    assert plan.steps + plan.saved == sum(variant.config.steps for variant in variants)
    asked = [len(restorer.prior.calls) for restorer, _ in faces.values()]
    for item in run_variants(plan, faces, side_by_side=side_by_side):
        if isinstance(item, VariantStep):
            last[item.run.place] = item.step.event
            done.append(item.done)
            assert item.to_do == plan.steps
        else:
            results[item.run.place] = item.restoration
    asked = sum(len(restorer.prior.calls) for restorer, _ in faces.values()) - sum(asked)
    assert asked == plan.steps == done[-1]
    assert all(before < after for before, after in pairwise(done))
    for place, variant in enumerate(variants):
        assert torch.equal(last[place].x0, alone(faces, variant))
        assert results[place].complete
        assert [result.seed for result in results[place].results] == list(variant.seeds)


@pytest.mark.parametrize("name", [name for name in GRIDS if "branch" not in name])
def test_no_step_is_run_twice(name):
    """But the last, which is each run's own: every other step is one of the distinct beginnings."""
    beginnings = {tuple(depends_on(v)[: n + 1]) for v in GRIDS[name] for n in range(v.config.steps - 1)}
    assert plan_variants(GRIDS[name]).steps == len(beginnings) + len(GRIDS[name])


@pytest.mark.parametrize("side_by_side", [False, True])
@pytest.mark.parametrize("name", GRIDS)
def test_stopping_after_any_step_leaves_what_ran(faces, name, side_by_side):
    plan = plan_variants(GRIDS[name])
    for limit in range(1, plan.steps + 1):
        seen, results = [], []
        for item in run_variants(plan, faces, side_by_side=side_by_side, stop=lambda: len(seen) >= limit):  # noqa: B023
            (seen if isinstance(item, VariantStep) else results).append(item)
        assert len(seen) <= limit
        assert {item.run.place for item in results} == {item.run.place for item in seen}
        for result in results:
            events = [item.step.event for item in seen if item.run is result.run]
            assert result.restoration.results[0].settings["steps_done"] == events[-1].index + 1
            assert result.restoration.complete == (events[-1].stage == "final")
            assert result.samples == (events[-1].index + 1 - result.run.start) * len(result.run.variant.seeds)


@pytest.mark.parametrize("side_by_side", [False, True])
@pytest.mark.parametrize("name", GRIDS)
def test_no_event_is_held_that_is_not_needed(faces, name, side_by_side):
    plan = plan_variants(GRIDS[name])
    alive, latest, finished = {}, {}, set()
    for item in run_variants(plan, faces, side_by_side=side_by_side):
        place = item.run.place
        if isinstance(item, VariantResult):
            finished.add(place)
            continue
        latest[place] = item.step.event.index + 1
        alive[place, latest[place]] = weakref.ref(item.step.event)
        del item
        needed = {
            (run.source, run.start) for run in plan.runs if run.place not in finished
        }  # to start, or started from
        needed |= {(place, latest[place]) for place in latest.keys() - finished}
        assert {key for key, event in alive.items() if event() is not None} <= needed


@pytest.mark.parametrize(
    ("steps", "starts"), [(0, [3, 3, 0, 0]), (2, [3, 3, 2, 0]), (5, [5, 3, 3, 0]), (6, [5, 3, 3, 0])]
)
def test_a_run_that_was_kept_is_gone_on_from(faces, steps, starts):
    kept = kept_run(faces, Variant(SIX), steps)
    variants = variants_of({}, {"tau": 0}, {"omega": 500.0}, {"eta": 0.0})
    plan = plan_variants(variants, kept)
    assert [run.start for run in sorted(plan.runs, key=lambda run: run.place)] == starts
    last = {}
    for item in run_variants(plan, faces):
        if isinstance(item, VariantStep):
            last[item.run.place] = item.step.event.x0
    for place, variant in enumerate(variants):
        assert torch.equal(last[place], alone(faces, variant))


@pytest.mark.parametrize(("steps", "start"), [(6, 3), (2, 0)])
def test_seeds_part_after_a_step_of_the_kept_run(faces, steps, start):
    variant = Variant(SIX, (3, 8), branch=Branch(3, 7))
    plan = plan_variants([variant], kept_run(faces, Variant(SIX, (7,)), steps))
    assert plan.runs[0].start == start  # a run that was kept for two steps only is run again
    items = list(run_variants(plan, faces))
    assert [item.step.event.index for item in items[:-1]] == [3, 4, 5]
    assert torch.equal(items[-2].step.event.x0, alone(faces, variant))
    assert items[-1].restoration.results[0].settings["branch"] == {"step": 3, "seed": 7}


def test_side_by_side_the_one_that_is_behind_comes_first(faces):
    plan = plan_variants(variants_of({"steps": 6}, {"steps": 3}, {"steps": 4}))
    shares = {0: 0.0, 1: 0.0, 2: 0.0}
    for item in run_variants(plan, faces, side_by_side=True):
        if isinstance(item, VariantStep):
            assert shares[item.run.place] == min(shares.values())
            shares[item.run.place] = (item.step.event.index + 1) / item.step.event.total


def test_what_is_left_goes_by_each_priors_own_pace(faces, monkeypatch):
    now = [0.0]

    class Clock:
        @staticmethod
        def perf_counter():
            return now[0]

    monkeypatch.setattr(engine, "time", Clock)
    for seconds, (restorer, _) in zip((1.0, 10.0), faces.values(), strict=True):

        def predict(x, t, seconds=seconds, usual=restorer.prior.predict_eps):
            now[0] += seconds
            return usual(x, t)

        restorer.prior.predict_eps = predict
    plan = plan_variants([Variant(SIX), Variant(SIX, prior="other")])
    left = []
    for item in run_variants(plan, faces, side_by_side=True):
        now[0] += 100.0  # what is done with a step in between is none of the run's pace
        if isinstance(item, VariantStep):
            left.append(item.seconds_left)
    assert left[:3] == pytest.approx([5 + 6, 5 + 50, 4 + 50])  # before its first step the other's pace is taken
    assert left[-1] == 0


def test_more_faces_than_one_are_refused(faces):
    restorer, prepared = faces["embedded"]
    two = {"embedded": (restorer, replace(prepared, jobs=prepared.jobs * 2))}
    with pytest.raises(ValueError, match="2 faces are prepared for embedded"):
        next(run_variants(plan_variants([Variant(SIX)]), two))


def test_figures_are_means_over_the_seeds(faces):
    *_, result = run_variants(plan_variants([Variant(SIX, (1, 2, 3))]), faces)
    results = result.restoration.results
    figures = mean_figures(results)
    assert set(figures) == {"lr_consistency", "psnr", "ssim", "diversity"}
    assert figures["psnr"] == pytest.approx(np.mean([r.measured["psnr"] for r in results]), abs=1e-3)
    pixels = np.stack([np.asarray(r.image, float) for r in results])
    assert figures["diversity"] == pytest.approx(pixels.std(axis=0).mean(), abs=0.05 * pixels.std(axis=0).mean())
    assert "diversity" not in mean_figures(results[:1])


def test_pictures_are_compared_as_they_are_saved():
    pictures = [Image.new("RGB", (8, 8), (value,) * 3) for value in (0, 30, 255)]
    compared = compare_pictures(pictures, (4, 5, 6))
    assert compared.distances[0, 1] == pytest.approx(30, abs=1e-3)
    assert compared.seeds == (4, 5, 6)
    assert compared.diversity == pytest.approx(
        float(seed_diversity(torch.tensor([0.0, 30.0, 255.0]).view(3, 1, 1, 1))), 1e-4
    )
    with pytest.raises(ValueError, match="8x8 and 9x8 pixels"):
        compare_pictures([pictures[0], Image.new("RGB", (9, 8))], (0, 1))


def test_other_methods_share_no_steps_and_come_out_as_alone(faces):
    variants = [Variant(SIX), Variant(SIX, method="ddnm"), Variant(SIX.replaced({"tau": 0}), method="ddnm")]
    variants += [Variant(SIX, method="bicubic"), Variant(SIX.replaced({"tau": 0}))]
    plan = plan_variants(variants)
    assert [run.start for run in plan.runs if run.variant.method != "dpi"] == [0, 0, 0]
    assert plan.steps + plan.saved == 6 + 6 + 6 + 1 + 6
    assert variants[1].same(variants[2])
    assert not variants[0].same(variants[1])
    steps, results = [], {}
    for item in run_variants(plan, faces, side_by_side=True):
        if isinstance(item, VariantStep):
            steps.append((item.done, item.to_do))
        else:
            results[item.run.place] = item.restoration.results[0]
    assert steps[-1] == (plan.steps, plan.steps)
    restorer, prepared = faces["embedded"]
    for place, variant in enumerate(variants):
        alone = restorer.restore(prepared, variant.config, method=variant.method)
        assert results[place].image.tobytes() == alone.results[0].image.tobytes()
