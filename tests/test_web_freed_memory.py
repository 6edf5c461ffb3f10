"""Memory that runs freed goes back to the system once nobody runs anything."""

import asyncio
import ctypes
import sys
from types import SimpleNamespace

import pytest

from dpi_core.web import fair_queue, keeping
from dpi_core.web.fair_queue import FairQueue
from dpi_core.web.keeping import give_memory_back


def test_it_asks_the_allocator_on_linux_alone(monkeypatch):
    asked = []
    library = SimpleNamespace(malloc_trim=lambda pad: asked.append(pad) or 1)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    monkeypatch.setattr(sys, "platform", "linux")
    assert give_memory_back()
    assert asked == [0]
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not give_memory_back()
    assert asked == [0]


@pytest.mark.parametrize("wrong", [OSError("no library"), AttributeError("malloc_trim")])
def test_an_allocator_that_cannot_be_asked_costs_nothing(monkeypatch, wrong):
    def fail(name):
        raise wrong

    monkeypatch.setattr(keeping.ctypes, "CDLL", fail)
    monkeypatch.setattr(sys, "platform", "linux")
    assert not give_memory_back()


def test_memory_is_given_back_once_after_the_last_run(monkeypatch):
    given, looks = [], iter([True, True, False, False, True, False])

    class Looked(FairQueue):
        def __init__(self):
            self.stopped, self._seen = False, False

        def _waiting(self):
            return []

        def _running(self):
            if not self._seen:  # once a look: the rest of it asks again
                self._seen = True
                busy = next(looks, None)
                self.stopped = busy is None
                return [SimpleNamespace(session_hash="a", enqueue_time=0.0)] if busy else []
            return []

        def _forget(self, now):
            self._seen = False

    queue = Looked()
    queue.pending_messages_per_session = {}
    monkeypatch.setattr(fair_queue, "EVERY", 0)
    monkeypatch.setattr(fair_queue, "give_memory_back", lambda: given.append(1))
    asyncio.run(asyncio.wait_for(queue._end_unheard(), 20))
    assert len(given) == 2
