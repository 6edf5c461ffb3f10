"""Any input is taken or refused in a sentence: the fuzzer in a short form, and properties that hold for all inputs."""

import json
import os
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpi_core.commands.outputs import MOST_BYTES, shortened
from dpi_core.errors import DPIError
from dpi_core.evaluation.fuzz import altered, fuzz, mutated, outcome_of
from dpi_core.imaging.pictures import ImageError, read_image
from dpi_core.restore.request import Request, read_request
from dpi_core.web.fair_queue import in_turns
from dpi_core.web.uploads import may_be_opened, named_files

FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(list(Request().to_dict()))


def test_ten_of_each_kind_are_all_taken_or_refused():
    told = []
    counted = fuzz(40, seed=5, tell=told.append)
    assert told == []
    assert {kind: sum(outcomes.values()) for kind, outcomes in counted.items()} == dict.fromkeys(counted, 10)
    assert len(counted) == 4


def test_what_is_unexpected_is_counted_as_that(monkeypatch):
    def broken(*_):
        raise KeyError("a bug")

    assert outcome_of(lambda: broken()).kind == "unexpected"
    assert outcome_of(lambda: None).kind == "taken"
    monkeypatch.setattr("dpi_core.imaging.pictures.open_picture", broken)
    told = []
    assert fuzz(4, tell=told.append)["pictures"] == Counter(unexpected=1)
    assert "a bug" in told[0]


def test_the_same_seed_makes_the_same_inputs():
    import random

    data = bytes(range(256))
    assert mutated(data, random.Random("1")) == mutated(data, random.Random("1")) != data
    assert repr(altered({"a": [1]}, random.Random("1"))) == repr(altered({"a": [1]}, random.Random("1")))


@FEW
@given(st.binary(max_size=200))
def test_no_bytes_are_a_picture_by_accident(data):
    with pytest.raises(ImageError):
        read_image(data)


@FEW
@given(st.dictionaries(FIELDS, JSON, max_size=3))
def test_a_request_is_made_or_refused_in_a_sentence(values):
    try:
        made = Request().replaced(values)
    except DPIError:
        return
    assert Request.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@FEW
@given(JSON)
def test_settings_are_read_or_refused_in_a_sentence(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "theirs.json"
    path.write_text(json.dumps(value))
    with pytest.raises(ImageError, match=r"theirs\.json: holds no settings"):
        read_request(path)


@FEW
@given(st.text(min_size=1, max_size=400))
def test_a_stem_is_cut_between_characters(stem):
    stem = stem.encode("utf-8", "ignore").decode()
    cut = shortened(stem)
    assert stem.startswith(cut)
    assert len(os.fsencode(cut)) <= MOST_BYTES
    assert cut == stem or len(os.fsencode(stem)) > MOST_BYTES


@FEW
@given(st.text(max_size=80), st.sampled_from(["", "/", "//", "../", "~/", "file:///", "http://"]))
def test_no_name_outside_the_uploads_may_be_opened(name, start):
    assert not may_be_opened({"path": start + name})


@FEW
@given(JSON)
def test_every_object_with_a_path_is_found(value):
    def count(item):
        if isinstance(item, dict):
            return isinstance(item.get("path"), str) + sum(map(count, item.values()))
        return sum(map(count, item)) if isinstance(item, list) else 0

    wrapped = [value, {"path": "a", "x": value}]
    assert len(list(named_files(wrapped))) == count(wrapped) >= 1


@FEW
@given(st.lists(st.sampled_from("ABC"), max_size=12), st.lists(st.sampled_from("ABC"), max_size=2))
def test_turns_lose_nobody_and_keep_the_order_of_a_visitors_own(visitors, running):
    runs = list(enumerate(visitors))
    ordered = in_turns(runs, lambda run: run[1], {"A": 3.0}, running, since=lambda run: float(run[0]))
    assert sorted(ordered) == runs
    had = Counter(running)
    turns = []
    for number, visitor in ordered:
        own = [n for n, v in ordered if v == visitor]
        assert own == sorted(own)
        turns.append(had[visitor] + own.index(number))
    assert turns == sorted(turns)  # nobody's second turn before anybody's first
