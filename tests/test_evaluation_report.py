"""Means, intervals and tables of what was measured."""

import pytest

from dpi_core.evaluation.measured import Measured
from dpi_core.evaluation.report import FORMATS, report, summary, tables


def row(*psnr, grid=1.0, detail=1.0):
    count = len(psnr)
    plain = {name: [0.5] * count for name in FORMATS if name not in ("psnr", "gain")}
    return {"psnr": list(psnr), **plain, "grid": [grid] * count, "detail": [detail] * count}


def measured():
    return Measured(
        {"prior": "embedded 0123"},
        {"brightness": [0.9, -0.9, 0.0], "grid": [2.0, 4.0, 6.0], "detail": [1.0, 1.0, 4.0]},
        {"x8": {"bicubic": row(20, 25, 33, grid=2.0, detail=1.0), "preset medium": row(21, 27, 36, grid=4.0)}},
        {"x8": {"preset medium": [3.0, 5.0]}},
    )


def test_the_gain_is_taken_face_by_face():
    found = summary(row(21.5, 26.5, 34.5), row(20.0, 25.0, 33.0))
    assert found["gain"] == (1.5, 1.5, 1.5)  # all three gain the same, however far apart they are
    mean, low, high = found["psnr"]
    assert low < mean < high


def test_energies_are_ratios_of_means():
    found = report(measured())
    assert found["grid"] == {"bicubic": {"x8": 0.5}, "preset medium": {"x8": 1.0}}
    assert found["detail"]["bicubic"]["x8"] == 0.5


def test_brightness_diversity_and_what_it_was_made_with():
    found = report(measured())
    assert (found["faces"], found["prior"]) == (3, "embedded 0123")
    assert found["diversity"] == {"x8": {"preset medium": 4.0}}
    assert found["brightness"]["x8"] == {
        "darkest third": [25, 27],
        "middle third": [33, 36],
        "lightest third": [20, 21],
    }


def test_the_tables_are_markdown_with_rows_of_one_width():
    text = tables(report(measured()))
    assert text.startswith("3 held-out faces")
    for table in text.split("\n\n")[1:]:
        lines = table.splitlines()
        assert len({line.count("|") for line in lines}) == 1
        assert set(lines[1]) == {"|", "-"}
    assert "| preset medium | 28.00 (21.00 .. 36.00) |" in text
    assert "20.00 -> 21.00" in text


def test_without_diversity_there_is_no_table_of_it():
    few = measured()
    few.diversity = {}
    assert "std over seeds" not in tables(report(few))


def test_one_face_has_no_darkest_third():
    one = Measured({}, {"brightness": [0.1], "grid": [1.0], "detail": [1.0]}, {"x8": {"bicubic": row(20)}})
    one.tasks["x8"]["preset medium"] = row(21)
    assert len(report(one)["brightness"]["x8"]) == 1
    assert "20.00 -> 21.00" in tables(report(one))
    assert report(one)["tasks"]["x8"]["preset medium"]["gain"] == pytest.approx((1, 1, 1))
