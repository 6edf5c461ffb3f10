import re

import gradio as gr
import pytest

from dpi_core.method.config import SETTINGS, kind_of
from dpi_core.restore.request import Request
from dpi_core.web.axes import AXES, first_values, parse_values, plan_grid
from dpi_core.web.controls import build_controls


@pytest.mark.parametrize(
    ("field", "text", "values"),
    [("tau", "350, 0; 50", (350, 0, 50)), ("eta", " 0 .5 1.0 ", (0, 0.5, 1)), ("sparsity", "2", (2,))],
)
def test_values_are_numbers_in_the_order_given(field, text, values):
    assert parse_values(field, text) == values
    assert all(isinstance(value, int) == (kind_of(field) is int) for value in parse_values(field, text))


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("tau", "", "tau has no values; give at least one, such as 0, 50"),
        ("tau", "1, two", "tau holds 'two'"),
        ("tau", "1e3", "tau holds '1e3'"),
        ("tau", "50, 1001", "tau is 1001; allowed is a whole number from 0 to 1000"),
        ("sparsity", "1.5", "k is 1.5; allowed is a whole number from 1 to 8"),
        ("omega", "100", "omega is 100.0; allowed is a number from 250 to 5000"),
        ("eta", "-0.1", "eta is -0.1; allowed is a number from 0 to 1"),
        ("steps", "5, 5.0", "steps holds 5.0 twice"),
    ],
)
def test_wrong_values_are_named(field, text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_values(field, text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tau", "0", "tau", "1"), "both settings are tau"),
        (("tau", "0", "seed", "1"), "the setting is 'seed'; allowed is one of steps, tau"),
        (("tau", "0 1 2 3 4 5 6", "eta", "0 .1 .2 .3 .4 .5"), "7 by 6 values make 42 cells; at most 36"),
    ],
)
def test_a_wrong_grid_is_named(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        plan_grid(Request(), *arguments)


def test_axes_allow_what_the_page_allows():
    with gr.Blocks():
        settings = build_controls().settings
    for axis in AXES:
        assert SETTINGS[axis].slider == (settings[axis].minimum, settings[axis].maximum)
        assert parse_values(axis, first_values(axis)) == SETTINGS[axis].explored
        low, high = SETTINGS[axis].slider
        for own in (low, high):
            values = parse_values(axis, first_values(axis, own))
            assert own in values
            assert len(values) == len(SETTINGS[axis].explored)


def test_a_row_of_tau_values_runs_fcm_once():
    grid = plan_grid(Request(), "tau", "0, 50, 150, 350", "sparsity", "1, 2")
    ordered = [grid.cells[run.place] for run in grid.plan.runs]
    assert [(cell.row, cell.config.tau) for cell in ordered[:4]] == [(0, 350), (0, 150), (0, 50), (0, 0)]
    assert [run.start for run in grid.plan.runs] == 2 * [0, 12, 16, 18]
    assert grid.plan.saved == 2 * 46
    assert grid.plan.steps == 8 * 20 - grid.plan.saved
    assert {(cell.row, cell.column) for cell in grid.cells} == {(i, j) for i in range(2) for j in range(4)}


def test_cells_are_named_by_their_values():
    grid = plan_grid(Request(), "edge_exponent", "1.4", "omega", "1500")
    assert grid.label(grid.cells[0]) == "s 1.4, omega 1500"


def test_a_setting_that_the_method_does_not_heed_is_no_axis():
    with pytest.raises(ValueError, match="the setting is tau, but ddnm heeds only steps, k"):
        plan_grid(Request(method="ddnm"), "tau", "0, 50", "sparsity", "1, 2")
    grid = plan_grid(Request(method="ddnm"), "steps", "5, 10", "sparsity", "1, 2")
    assert (grid.plan.steps, grid.plan.saved) == (30, 0)
