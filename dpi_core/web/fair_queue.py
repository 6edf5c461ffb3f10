"""The queue of runs: turns by visitor, so many places each, and no run that nobody listens to.

Gradio's queue takes runs in the order they came, as many as one visitor sends, and carries each to its end even where the
request for its results never comes. A visitor here is a session of the page or of a client, or the address of one that names
no session; those of one address share its turns. Clients of the MCP tools have sessions of their own (`web.mcp_sessions`).
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from gradio.queueing import Event, Queue
from gradio.server_messages import ProcessCompletedMessage
from gradio.utils import LRUCache, run_coro_in_background

from dpi_core.web.keeping import Forgetting, OldFiles, give_memory_back
from dpi_core.web.listening import HeardMessages
from dpi_core.web.mcp_sessions import mcp_session

if TYPE_CHECKING:
    from gradio import Blocks

MOST_WAITING = 32
OF_A_VISITOR = 8
OF_AN_ADDRESS = 24  # a school's or a company's: whoever makes up sessions still leaves places to others
UNHEARD_SECONDS = 5.0  # from the request for a run to that for its results
SILENT_SECONDS = 60.0  # of a listener that takes nothing any more, though its connection is not closed
FORGET_SECONDS = 600.0
UNNAMED_SECONDS = 60.0  # what is known of a session that ends with its one run
EVERY = 1.0
NAMELESS = "nameless-"

FULL = f"{MOST_WAITING} runs wait already, which is all that can; try again in a few minutes."
TOO_MANY = f"{OF_A_VISITOR} of your runs wait already; send the next one when one of them is done."
TOO_MANY_THERE = f"{OF_AN_ADDRESS} runs from your address wait already; try again when some of them are done."
UNHEARD = "Nobody asked for the results in time, so the run was ended; send it again."

Item = TypeVar("Item")


@dataclass(frozen=True)
class Place:
    """How many runs are before one, and about how many seconds they take; None before any run was timed."""

    before: int
    seconds: float | None


class FairQueue(Queue):
    """See the module; its arguments are those of Gradio's queue. `refused` keeps why a session's last run was not taken."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self._turns: dict[str, float] = {}  # visitor or address -> when its last turn ended
        self._forgetting, self._old_files = Forgetting(), OldFiles()
        self.refused: LRUCache[str, str] = LRUCache(100)  # session -> why its last run was not taken

    @classmethod
    def of(cls, blocks: "Blocks") -> "FairQueue":
        """Make one with the settings of the queue that `blocks` have."""
        old = blocks._queue
        return cls(
            live_updates=old.live_updates,
            concurrency_count=old.max_thread_count,
            update_intervals=old.update_intervals,
            max_size=old.max_size,
            blocks=blocks,
            default_concurrency_limit=old.default_concurrency_limit,
        )

    def start(self) -> None:
        """Start the queue, and to look for runs that nobody listens to, and for memory to give back."""
        super().start()
        run_coro_in_background(self._end_unheard)

    async def push(self, body, request, username):
        """Take a run in, or return why not, in a sentence."""
        if body.session_hash is None:
            body.session_hash = f"{NAMELESS}{uuid.uuid4().hex}"
        refused = refusal(self._waiting(), session_of(body.session_hash, request), address_of(request), self.max_size)
        if refused:
            self.refused[body.session_hash] = refused
            return False, refused, "queue_full"
        if body.session_hash not in self.pending_messages_per_session:
            self.pending_messages_per_session[body.session_hash] = HeardMessages()
        return await super().push(body, request, username)

    def get_events(self):
        """Take the next run whose turn it is; asked all the time while one waits, so it also notes who has a turn."""
        for event in self._running():
            self._turns[visitor_of(event)] = self._turns[address_of(event.request)] = time.monotonic()
        for name, waiting in self.event_queue_per_concurrency_id.items():
            if waiting.concurrency_limit is None or waiting.current_concurrency < waiting.concurrency_limit:
                self._sort(name)
        return super().get_events()

    def broadcast_estimations(self, concurrency_id: str, after: int | None = None) -> None:
        """Tell the waiting their places, all of them, since one that comes may stand before another."""
        self._sort(concurrency_id)
        super().broadcast_estimations(concurrency_id)

    def place_of(self, session: str | None, concurrency_id: str) -> Place | None:
        """Tell the place of the first run of a session that waits; None where none does."""
        waiting = self.event_queue_per_concurrency_id.get(concurrency_id)
        for place, event in enumerate(waiting.queue if waiting else []):
            if event.session_hash == session:
                return self._place(concurrency_id, place)
        return None

    def last_place(self, concurrency_id: str) -> Place:
        """Tell the place behind all runs."""
        waiting = self.event_queue_per_concurrency_id.get(concurrency_id)
        return Place(0, 0.0) if waiting is None else self._place(concurrency_id, len(waiting.queue))

    def _place(self, concurrency_id: str, place: int) -> Place:
        waiting, now = self.event_queue_per_concurrency_id[concurrency_id], time.time()
        known = [
            t.avg_time for run, t in list(self.process_time_per_fn.items()) if run.concurrency_id == concurrency_id
        ]
        usual = sum(known) / len(known) if known else None

        def takes(run: Any) -> float | None:
            return self.process_time_per_fn[run].avg_time if run in self.process_time_per_fn else usual

        started = [(takes(run), at) for run, times in list(waiting.start_times_per_fn.items()) for at in list(times)]
        left = [None if s is None else min(s, max(0.0, s - now + at)) for s, at in started]  # a clock may jump
        left += [takes(event.fn) for event in waiting.queue[:place]]
        return Place(waiting.current_concurrency + place, None if None in left else sum(filter(None, left)))

    def _waiting(self) -> list[Event]:
        return [event for waiting in self.event_queue_per_concurrency_id.values() for event in waiting.queue]

    def _running(self) -> list[Event]:
        return [event for job in self.active_jobs if job for event in job]

    def _sort(self, concurrency_id: str) -> None:
        events = self.event_queue_per_concurrency_id[concurrency_id].queue
        if len(events) > 1:
            running = [event for event in self._running() if event.concurrency_id == concurrency_id]
            for name in (visitor_of, lambda event: address_of(event.request)):
                events[:] = in_turns(events, name, self._turns, [name(event) for event in running])

    async def _end_unheard(self) -> None:
        was_busy = False
        while not self.stopped:
            await asyncio.sleep(EVERY)
            now, busy = time.monotonic(), bool(self._waiting() or self._running())
            if was_busy and not busy:
                await asyncio.to_thread(give_memory_back)
            was_busy = busy
            for event in [*self._waiting(), *self._running()]:
                messages, began = self.pending_messages_per_session.get(event.session_hash), event.enqueue_time
                if isinstance(messages, HeardMessages):
                    patience = SILENT_SECONDS if messages.heard(began) else UNHEARD_SECONDS
                    if messages.silent(now, began) > patience:
                        await self._end(event)
            self._forget(now)

    async def _end(self, event: Event) -> None:
        if event.alive:
            output = {"error": UNHEARD, "title": "Error"}
            self.send_message(event, ProcessCompletedMessage(output=output, title="Error", success=False))
            event.alive = False  # one that runs ends after its current step
            await self.remove_from_queue(event._id)

    def _forget(self, now: float) -> None:
        """Drop what was never fetched: Gradio keeps the names of such runs for ever."""
        busy = {event.session_hash for event in [*self._waiting(), *self._running()]}
        for session, messages in list(self.pending_messages_per_session.items()):
            if session not in busy and isinstance(messages, HeardMessages) and messages.silent(now) > FORGET_SECONDS:
                del self.pending_messages_per_session[session]
                self.pending_event_ids_session.pop(session, None)
        if self.server_app is not None:
            self._forgetting.sweep(self.server_app.state_holder, busy, NAMELESS, UNNAMED_SECONDS)
            self._old_files.sweep(self.server_app.get_blocks())
        self._turns = {name: ended for name, ended in self._turns.items() if now - ended < FORGET_SECONDS}


def address_of(request: Any) -> str:
    """Return the address a request came from; behind a proxy on this machine, the one it was sent on for."""
    client = getattr(request, "client", None)
    return client.host if client else ""


def session_of(session_hash: str, request: Any) -> str:
    """Return the session that a request belongs to: Gradio's, or an MCP client's, which share one of Gradio's."""
    return mcp_session(getattr(request, "headers", {})) or session_hash


def visitor_of(event: Event) -> str:
    """Return the session that a run belongs to, or the address of one without."""
    session = session_of(event.session_hash, event.request)
    return address_of(event.request) if session.startswith(NAMELESS) else session


def refusal(waiting: Sequence[Event], session: str, address: str, most: int | None) -> str:
    """Say why one more run of a session from an address cannot wait; "" if it can."""
    if most is not None and len(waiting) >= most:
        return FULL
    named = not session.startswith(NAMELESS)
    if named and sum(session_of(event.session_hash, event.request) == session for event in waiting) >= OF_A_VISITOR:
        return TOO_MANY
    if sum(address_of(event.request) == address for event in waiting) >= OF_AN_ADDRESS:
        return TOO_MANY_THERE
    return ""


def in_turns(
    waiting: Sequence[Item],
    name: Callable[[Item], str],
    turns: Mapping[str, float],
    running: Sequence[str] = (),
    since: Callable[[Item], float] = lambda event: event.enqueue_time,  # type: ignore[attr-defined]
) -> list[Item]:
    """Order what waits so that each visitor's first comes before anybody's second, and so on.

    Among the first, the one that waits longest is before the others; a visitor waits since the end of its last turn.

    Args:
        waiting: in the order that stays among one visitor's own.
        name: whose it is.
        turns: when each visitor's last turn ended, on the clock of `since`.
        running: the visitors that have a turn now.
    """
    before = Counter(running)
    keys = []
    for place, item in enumerate(waiting):
        visitor = name(item)
        keys.append((before[visitor], max(since(item), turns.get(visitor, 0.0)), place))
        before[visitor] += 1
    return [waiting[place] for *_, place in sorted(keys)]
