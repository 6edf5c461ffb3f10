import gradio as gr

from dpi_core.web.events import giving_back


def test_the_last_row_of_a_run_comes_once_more_with_the_buttons():
    rows = list(giving_back(iter([("a", 1), ("b", 2)])))
    assert [row[:2] for row in rows] == [("a", 1), ("b", 2), ("b", 2)]
    for row in rows[:-1]:
        assert row[2:] == (gr.skip(), gr.skip())
    start, stop = rows[-1][2:]
    assert start.interactive
    assert not stop.visible


def test_a_row_is_passed_on_before_the_next_is_made():
    made = []

    def slow():
        for i in range(3):
            made.append(i)
            yield (i,)

    first = next(giving_back(slow()))
    assert first[0] == 0
    assert made == [0]
