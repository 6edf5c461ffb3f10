import pytest

from dpi_core.errors import DPIError
from dpi_core.web.checks import NO_PHOTO, UNEXPECTED, chosen_photo, message_of, whole_number, with_messages


@pytest.mark.parametrize(
    ("error", "shown"),
    [(DPIError("tau is -1"), "tau is -1"), (ValueError("x"), UNEXPECTED), (KeyError("x"), UNEXPECTED)],
)
def test_an_error_becomes_the_last_message(error, shown):
    @with_messages
    def run(count):
        yield from range(count)
        raise error

    *items, last = run(2)
    assert items == [0, 1]
    assert (last["state"], last["line"]) == ("failed", shown)


def test_a_run_without_an_error_is_left_as_it_is():
    @with_messages
    def run():
        """Its own words."""
        yield 1

    assert list(run()) == [1]
    assert run.__doc__ == "Its own words."


def test_a_view_without_a_photo_asks_for_one():
    @with_messages
    def run():
        chosen_photo(None)
        yield

    assert next(iter(run()))["line"] == NO_PHOTO


def test_a_photo_and_a_whole_number_pass():
    assert chosen_photo(__file__) == __file__
    assert whole_number("seed", 3.0) == 3
    for wrong in (None, 1.5, True, "3", float("inf"), float("nan")):
        with pytest.raises(ValueError, match=r"seed is .*; allowed is a whole number"):
            whole_number("seed", wrong)


def test_only_errors_made_for_people_are_shown_and_the_others_logged(caplog):
    assert message_of(DPIError("k is 9")) == "k is 9"
    assert not caplog.records
    for error in (RuntimeError("/secret/path"), ValueError("too many values to unpack")):
        assert message_of(error) == UNEXPECTED
        assert str(error) in caplog.text
