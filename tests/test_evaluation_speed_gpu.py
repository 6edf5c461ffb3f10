import re
import time

import pytest
import torch
from formulas import AnalyticPrior, FacePrior, analytic_corrector

from dpi_core.evaluation import speed_gpu
from dpi_core.evaluation.prior_costs import random_prior
from dpi_core.evaluation.speed_gpu import Row, Setting, measured, report
from dpi_core.models.acceleration import accelerated


def test_the_stand_in_runs_in_bfloat16():
    with torch.device("meta"):
        prior = accelerated(random_prior("ffhq-256"), torch.bfloat16)
        eps = prior.predict_eps(torch.empty(2, 3, 256, 256), torch.zeros(2, dtype=torch.long))
    assert eps.shape == (2, 3, 256, 256)
    assert eps.dtype == torch.float32


def test_a_line_says_seconds_images_and_both_ratios():
    rows = [Row("float32", 1, 2.0, 1.6), Row("float32", 8, 8.0, 7.9, "Memory ran out.")]
    first, second = (report(rows[:n]).split() for n in (1, 2))
    assert first == ["float32", "1", "2.000", "0.50", "1.00", "1.250"]
    assert second[:6] == ["float32", "8", "8.000", "1.00", "0.50", "1.013"]
    assert report(rows).endswith("\n  Memory ran out.")


def test_the_bare_calls_are_those_of_a_run(monkeypatch):
    made = AnalyticPrior()
    asked = []

    def corrector(c, t, y):
        asked.append(len(c))
        return analytic_corrector(c, t, y)

    monkeypatch.setattr(speed_gpu, "load_corrector", lambda *_: corrector)
    (row,) = measured(Setting(4, (3,), ("float32",), 1), lambda _: made, "cpu")
    # once to warm up and once in earnest, for the run and for its bare calls
    assert made.calls == [3] * 4 * 4
    assert asked == [3] * 3 * 4
    assert row.run > 0
    assert row.bare > 0
    assert row.note == ""


def test_works_take_turns_for_as_many_runs_and_seconds_as_asked():
    turns = []
    works = [lambda name=name: turns.append(name) for name in "ab"]
    cpu = torch.device("cpu")
    speed_gpu.timed(works, cpu, Setting(1, (1,), ("float32",), runs=3))
    assert "".join(turns) == "ab" * 4, "once to warm up and three times in earnest"
    turns.clear()

    def slow_at_first():
        time.sleep(0 if turns else 0.1)  # as a network is that compiles
        turns.append("c")

    speed_gpu.timed([slow_at_first], cpu, Setting(1, (1,), ("float32",), runs=1, seconds=0.05))
    assert len(turns) > 2, "the seconds begin after the warming up"


def test_what_does_not_fit_is_cut_or_left_out(monkeypatch):
    def limited(holds):
        prior = AnalyticPrior()
        predict = prior.predict_eps

        def small(x, t):
            if len(x) > holds:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return predict(x, t)

        prior.predict_eps = small
        return prior

    monkeypatch.setattr(speed_gpu, "load_corrector", lambda *_: analytic_corrector)
    setting = Setting(2, (1, 4), ("float32",), 1)
    one, four = measured(setting, lambda _: limited(2), "cpu")
    assert (one.note, "they ran 2 at a time" in four.note) == ("", True)
    rows = list(measured(setting, lambda _: limited(0), "cpu"))
    assert all("not hold a single sample" in row.note for row in rows)
    assert "nan" in report(rows)


def test_a_batch_of_nothing_is_refused(capsys):
    with pytest.raises(SystemExit):
        speed_gpu.main(["--device", "cpu", "--seeds", "8", "0"])
    assert "--seeds is 0; allowed is 1 or more" in capsys.readouterr().err


def test_without_a_gpu_it_says_so_and_runs_the_small_version(monkeypatch, capsys):
    monkeypatch.setattr(speed_gpu, "load_prior", lambda *_: FacePrior())
    monkeypatch.setattr(speed_gpu, "load_corrector", lambda *_: analytic_corrector)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(speed_gpu, "SMALL", Setting(2, (1, 2), ("float32",), 1))
    speed_gpu.main(["--device", "cpu", "--modes", "float32", "bfloat16"])
    out = capsys.readouterr().out
    speed_gpu.main(["--device", "cpu", "--modes", "float32", "--seeds", "3"])
    assert re.findall(r"^float32 +(\d+) ", capsys.readouterr().out, re.MULTILINE) == ["1", "3"]
    assert "There is no GPU here" in out
    assert len(re.findall(r"^(?:b?float)(?:32|16) ", out, re.MULTILINE)) == 4
