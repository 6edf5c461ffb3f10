"""The soak in a short form, against the running app: nobody's answer is broken."""

import pytest

from dpi_core.evaluation.soak import BrokenAnswerError, Tally, events, files_in, percentiles, sentence, soak


def test_visitors_at_once_are_served_or_refused_in_a_sentence(app_url):
    tally = soak(app_url, 4, lambda done: done < 4)
    assert tally.outcomes["failed"] == 0, tally.reasons
    assert tally.outcomes["served"] == len(tally.seconds) > 0
    assert sum(tally.outcomes.values()) == 16


def test_a_server_that_is_not_there_counts_as_failed():
    tally = soak("http://127.0.0.1:9/", 1, lambda done: done < 2)
    assert tally.outcomes == {"failed": 2}
    assert "ConnectError" in next(iter(tally.reasons))


def test_streams_are_read_without_heartbeats():
    lines = ["event: generating", "data: [1]", "", "event: heartbeat", "data: null", "event: complete", "data: [2]"]
    assert list(events(iter(lines))) == [("generating", [1]), ("complete", [2])]


def test_a_refusal_is_a_sentence():
    assert sentence("steps is -1; allowed is more.") == "steps is -1; allowed is more."
    for said in (None, "", "Traceback (most recent call last)", "An unexpected error came in between."):
        with pytest.raises(BrokenAnswerError):
            sentence(said)


def test_files_and_percentiles():
    assert [f["path"] for f in files_in([{"path": "a", "x": [{"path": "b"}]}, None, 3])] == ["a", "b"]
    assert percentiles([float(i) for i in range(1, 101)]) == {"p50": 51.0, "p90": 91.0, "p99": 100.0, "max": 100.0}
    assert percentiles([]) == {}


def test_only_served_visits_count_for_the_latency():
    tally = Tally()
    tally.note("served", 2.0)
    tally.note("failed", 9.0, "why")
    assert tally.seconds == [2.0]
    assert tally.reasons == {"failed: why": 1}
