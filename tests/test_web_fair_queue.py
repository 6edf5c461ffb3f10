"""Turns, places and listeners of the queue: the order by itself, and the queue in a small app whose runs wait for the test."""

import asyncio
import threading
import time
from dataclasses import dataclass
from itertools import count
from types import SimpleNamespace

import gradio as gr
import pytest
import requests
from gradio_client import Client
from gradio_client.exceptions import AppError
from starlette.middleware import Middleware

from dpi_core.web import fair_queue
from dpi_core.web.fair_queue import (
    FULL,
    OF_A_VISITOR,
    OF_AN_ADDRESS,
    TOO_MANY,
    TOO_MANY_THERE,
    UNHEARD,
    in_turns,
    refusal,
)
from dpi_core.web.guarded_blocks import GuardedBlocks
from dpi_core.web.listening import HeardMessages
from dpi_core.web.mcp_sessions import SESSION, McpSessions

LONG = 60.0  # seconds that no test waits for unless it fails


def waiting(*sessions, address="1.1.1.1"):
    request = SimpleNamespace(client=SimpleNamespace(host=address))
    return [SimpleNamespace(session_hash=session, request=request) for session in sessions]


def turns(runs, ended=None, running=()):
    """`runs` as "A0" (whose, when it came), in the order they came."""
    return in_turns(runs, lambda run: run[0], ended or {}, running, since=lambda run: float(run[1:]))


def test_everybodys_first_run_comes_before_anybodys_second():
    assert turns(["A0", "A1", "A2", "B3", "B4", "C5"]) == ["A0", "B3", "C5", "A1", "B4", "A2"]


def test_who_has_the_models_now_waits_behind_the_others():
    assert turns(["A0", "A1", "B3"], running=["A"]) == ["B3", "A0", "A1"]


def test_who_had_a_turn_waits_from_its_end_on():
    assert turns(["A0", "B3"], ended={"A": 5.0}) == ["B3", "A0"]
    assert turns(["A0", "B3", "C6"], ended={"A": 5.0}) == ["B3", "A0", "C6"]  # and is passed by nobody who came later


def test_with_one_visitor_nothing_moves():
    runs = [f"A{i}" for i in range(5)]
    assert turns(runs) == turns(runs, {"A": 3.0}, ["A"]) == runs


def test_a_flood_is_served_alternately_with_another():
    """Whoever comes while a hundred runs of one visitor wait has its turn next."""
    runs, ended, served = [f"A{i}" for i in range(9)] + ["B9"], {}, []
    for now in range(20, 30):
        first, *runs = turns(runs, ended)
        served.append(first)
        ended[first[0]] = float(now)
    assert served[:2] == ["A0", "B9"]


def test_places_are_limited_by_session_by_address_and_in_all():
    full = waiting(*(f"s{i}" for i in range(OF_AN_ADDRESS)))
    assert refusal(full[:-1], "other", "1.1.1.1", 32) == ""
    assert refusal(full, "other", "1.1.1.1", 32) == TOO_MANY_THERE
    assert refusal(full, "other", "2.2.2.2", 32) == ""
    assert refusal(full, "other", "2.2.2.2", OF_AN_ADDRESS) == FULL
    mine = waiting(*["mine"] * OF_A_VISITOR)
    assert refusal(mine, "mine", "1.1.1.1", 32) == TOO_MANY
    assert refusal(mine[1:], "mine", "1.1.1.1", 32) == refusal(mine, "other", "1.1.1.1", 32) == ""


def test_messages_know_whether_anybody_listens():
    async def listened():
        messages = HeardMessages()
        begun = time.monotonic()
        assert not messages.heard(begun)
        assert messages.silent(begun + 9, begun) >= 9
        taking = asyncio.create_task(messages.get())
        await asyncio.sleep(0)
        assert messages.heard(begun)
        assert messages.silent(begun + 9) == 0
        messages.put_nowait("x")
        assert await taking == "x"
        assert messages.heard(begun)
        assert messages.silent(time.monotonic() + 9) >= 9
        assert not messages.heard(time.monotonic() + 1)  # the next run of the session has to be heard by itself

    asyncio.run(listened())


@dataclass
class App:
    """A page with one endpoint, whose run goes on until the test lets it end."""

    url: str
    queue: fair_queue.FairQueue
    go_on: threading.Event
    began: list
    closed: list

    def ask(self, name, **more) -> requests.Response:
        return requests.post(f"{self.url}gradio_api/call/run", json={"data": [name], **more}, timeout=30)

    def answer(self, asked) -> str:
        event = asked.json()["event_id"]
        return requests.get(f"{self.url}gradio_api/call/run/{event}", timeout=LONG).text

    def until(self, condition) -> None:
        end = time.monotonic() + LONG
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.fixture
def app():
    go_on, began, closed = threading.Event(), [], []

    def run(name: str):
        began.append(name)
        try:
            for step in count():
                if go_on.wait(0.01):
                    if name == "crash":
                        raise RuntimeError("in the middle of a run")
                    yield f"{name} done"
                    return
                yield f"{step}"
        finally:
            closed.append(name)

    with GuardedBlocks(analytics_enabled=False) as page:
        name, told = gr.Textbox(), gr.Textbox()
        gr.Button().click(run, name, told, api_name="run", concurrency_limit=1, concurrency_id="models")
    page.queue(max_size=fair_queue.MOST_WAITING)
    with_tools = {"mcp_server": True, "app_kwargs": {"middleware": [Middleware(McpSessions)]}}
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, share=False, **with_tools)
    yield App(url, page._queue, go_on, began, closed)
    go_on.set()
    page.close()


def test_a_run_that_nobody_listens_to_ends_and_the_next_one_begins(app, monkeypatch):
    monkeypatch.setattr(fair_queue, "EVERY", 0.02)
    monkeypatch.setattr(fair_queue, "UNHEARD_SECONDS", 0.3)
    unheard = app.ask("unheard")
    waits_unheard = app.ask("waits unheard")
    app.until(lambda: app.closed == ["unheard"])
    app.until(lambda: not app.queue.event_ids_to_events)
    assert app.began == ["unheard"]  # the one that waited never began
    app.go_on.set()
    assert "heard done" in app.answer(app.ask("heard"))
    for late in (unheard, waits_unheard):
        assert UNHEARD in app.answer(late)


def test_a_run_that_is_listened_to_is_not_ended(app, monkeypatch):
    monkeypatch.setattr(fair_queue, "EVERY", 0.01)
    monkeypatch.setattr(fair_queue, "UNHEARD_SECONDS", LONG)
    monkeypatch.setattr(fair_queue, "SILENT_SECONDS", LONG)
    job = Client(app.url, verbose=False).submit("heard", api_name="/run")
    app.until(lambda: len(job.outputs()) > 20)
    app.go_on.set()
    assert job.result(timeout=LONG) == "heard done"


def test_what_nobody_fetched_is_forgotten(app, monkeypatch):
    monkeypatch.setattr(fair_queue, "EVERY", 0.02)
    monkeypatch.setattr(fair_queue, "FORGET_SECONDS", 0.1)
    app.go_on.set()
    app.ask("never fetched")
    app.until(lambda: app.closed)
    app.until(lambda: not app.queue.pending_event_ids_session and not app.queue.pending_messages_per_session)


def test_a_visitor_that_floods_the_queue_is_refused_in_a_sentence_and_others_have_their_turn(app, monkeypatch):
    monkeypatch.setattr(fair_queue, "UNHEARD_SECONDS", LONG)
    session = {"session_hash": "flood"}
    call = {"fn_index": 0, "data": ["flood"], **session}
    join = f"{app.url}gradio_api/queue/join"
    assert requests.post(join, json=call, timeout=30).ok
    app.until(lambda: app.began)
    answers = [requests.post(join, json=call, timeout=30) for _ in range(OF_A_VISITOR + 3)]
    assert [answer.ok for answer in answers] == [True] * OF_A_VISITOR + [False] * 3
    assert answers[-1].json()["detail"] == TOO_MANY
    other = app.ask("other")
    event = app.queue.event_ids_to_events[other.json()["event_id"]]
    place = app.queue.place_of(event.session_hash, "models")
    assert place.before == 1
    app.go_on.set()
    assert "other done" in app.answer(other)
    app.until(lambda: len(app.began) > 1)
    assert app.began[1] == "other"


def test_the_nameless_of_an_address_share_its_turns(app, monkeypatch):
    monkeypatch.setattr(fair_queue, "UNHEARD_SECONDS", LONG)
    asked = [app.ask(f"nameless {i}") for i in range(4)]
    app.until(lambda: app.began)
    job = Client(app.url, verbose=False).submit("named", api_name="/run")
    app.until(lambda: len(app.queue) == 4)
    app.go_on.set()
    assert job.result(timeout=LONG) == "named done"
    assert "nameless 3 done" in app.answer(asked[3])
    assert app.began[:2] == ["nameless 0", "named"]


def test_a_run_that_crashes_touches_no_other(app):
    crashing, other = (Client(app.url, verbose=False).submit(name, api_name="/run") for name in ("crash", "other"))
    app.until(lambda: app.began and len(app.queue) == 1)
    app.go_on.set()
    with pytest.raises(AppError, match="unexpected error"):
        crashing.result(timeout=LONG)
    assert other.result(timeout=LONG) == "other done"
    assert sorted(app.closed) == ["crash", "other"]


async def ask_tool(app, *names):
    """Call the tool in a session of its own, the first name and, once anything runs, all others; what each call answered."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async with (
        streamablehttp_client(f"{app.url}gradio_api/mcp/") as (read, write, session_id),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        assert session_id()
        calls = [asyncio.create_task(session.call_tool("run", {"name": names[0]}))]
        await asyncio.to_thread(app.until, lambda: app.began)  # or it would take one of the places that are counted
        calls += [asyncio.create_task(session.call_tool("run", {"name": name})) for name in names[1:]]
        answers = await asyncio.gather(*calls)
        return [answer.content[0].text for answer in answers]


def in_a_thread(app, *names):
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(asyncio.run(ask_tool(app, *names))))
    thread.start()
    return thread, answers


def test_each_client_of_the_tools_has_its_own_turns_and_places(app):
    flood = [f"flood {i}" for i in range(OF_A_VISITOR + 3)]
    first, answers = in_a_thread(app, *flood)
    app.until(lambda: app.began and len(app.queue) == OF_A_VISITOR)
    second, others = in_a_thread(app, "other")
    app.until(lambda: len(app.queue) == OF_A_VISITOR + 1)
    app.go_on.set()
    first.join(LONG)
    second.join(LONG)
    assert others == ["other done"]
    assert app.began[1] == "other"
    assert sum(answer.endswith(" done") for answer in answers) == OF_A_VISITOR + 1
    assert sum("Queue is full" in answer for answer in answers) == 2  # all that Gradio's own client lets through


def test_no_client_of_the_tools_can_come_from_another_address(app):
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "run", "arguments": {"name": "x"}}}
    takes = {"Accept": "application/json, text/event-stream"}
    posting = threading.Thread(
        target=requests.post,
        args=(f"{app.url}gradio_api/mcp/",),
        kwargs={"json": call, "headers": {**takes, "X-Forwarded-For": "9.9.9.9", SESSION: "mine"}, "timeout": LONG},
    )
    posting.start()
    app.until(lambda: app.began)
    (event,) = app.queue._running()
    assert fair_queue.visitor_of(event) == "mcp mine"
    app.go_on.set()
    posting.join(LONG)
    assert requests.get(f"{app.url}gradio_api/mcp/", headers=takes, timeout=30).status_code == 405
    assert requests.get(f"{app.url}gradio_api/mcp/", headers={"Accept": "text/html"}, timeout=30).ok
