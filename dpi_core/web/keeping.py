"""What stays and what goes: a page that is open keeps its photo and results, what nobody has open any more is forgotten.

Gradio deletes files by their dates, also those of a page that is still open, and keeps what it knows of a session, a quarter of
a megabyte and the session's own objects, until ten thousand others came.
"""

import ctypes
import os
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext
from gradio.utils import get_upload_folder

from dpi_core.web.session import KEEP_SECONDS
from dpi_core.web.uploads import named_files

TOLD_EVERY = KEEP_SECONDS / 6
FILES_EVERY = KEEP_SECONDS / 60
BY_GRADIO = 24 * 3600, 100 * 365 * 24 * 3600
"""How often Gradio looks for old files, and what it takes for old: nothing. It removes all of them when it ends."""
CLOSED_SECONDS = KEEP_SECONDS / 4
"""Longer than a page is silent between two ticks: a connection may have failed and come back."""


def keep_while_open() -> None:
    """Let the page being built say now and then that it is open."""

    def tick(request: gr.Request) -> None:
        page, session = LocalContext.blocks.get(None), request.session_hash
        if page is not None and session and session in page.app.state_holder:
            touch_files(page.app.state_holder[session].config_values)

    gr.Timer(TOLD_EVERY).tick(tick, None, None, queue=False, show_progress="hidden", api_visibility="private")


def touch_files(values: dict[int, Any]) -> None:
    """Make all files that a page shows now as young as one that just came."""
    uploads = Path(get_upload_folder()).resolve()
    for file in named_files(list(values.values())):
        path = Path(file["path"])
        if path.is_absolute() and path.parent.resolve().is_relative_to(uploads):
            try:
                os.utime(path)
            except OSError:  # it is gone, and the page will ask for it again
                continue


class OldFiles:
    """Removes the uploads and results that nobody has touched for `KEEP_SECONDS`, by a clock that does not jump.

    Gradio would by their dates: a clock set forward by hours, and it takes away what pages show.
    """

    def __init__(self) -> None:
        # file -> its date, which only tells whether it was touched, and when that was noticed
        self._seen: dict[str, tuple[int, float]] = {}
        self._next = 0.0

    def sweep(self, blocks: gr.Blocks, now: float | None = None) -> None:
        """Remove what is old, of all that Gradio would remove for these blocks; at most every `FILES_EVERY` seconds."""
        now = time.monotonic() if now is None else now
        if now < self._next:
            return
        self._next, seen = now + FILES_EVERY, {}
        kept = set().union(
            *(block.keep_in_cache for block in blocks.blocks.values() if hasattr(block, "keep_in_cache"))
        )
        for files in blocks.temp_file_sets:
            for file in files.copy() - kept:  # others add to it meanwhile
                try:
                    date = os.lstat(file).st_ctime_ns
                    known = self._seen.get(file, (date, now))
                    seen[file] = known if known[0] == date else (date, now)
                    if now - seen[file][1] > KEEP_SECONDS:
                        os.remove(file)
                        files.discard(file)
                except OSError:
                    continue
        self._seen = seen


class Forgetting:
    """Drops the sessions that nobody has used for a while, by a clock that does not jump."""

    def __init__(self) -> None:
        # session -> when the holder says it was used, and when that was noticed
        self._seen: dict[str, tuple[Any, float]] = {}

    def sweep(
        self, holder: Any, busy: Collection[str], short_lived: str, seconds: float, now: float | None = None
    ) -> None:
        """Drop what is idle: sessions named `short_lived`.. after `seconds`, closed ones and others later.

        Args:
            holder: Gradio's `StateHolder`.
            busy: sessions with a run.
        """
        now = time.monotonic() if now is None else now
        for session, state in list(holder.session_data.items()):
            used = holder.time_last_used.get(session)
            if session in busy or self._seen.get(session, (None, 0.0))[0] != used:
                self._seen[session] = used, now
            limit = CLOSED_SECONDS if state.is_closed else KEEP_SECONDS
            if now - self._seen[session][1] > (seconds if session.startswith(short_lived) else limit):
                self._drop(holder, session, state)
        self._seen = {session: seen for session, seen in self._seen.items() if session in holder.session_data}

    def _drop(self, holder: Any, session: str, state: Any) -> None:
        for key, value in list(state.state_data.items()):
            component = state.blocks_config.blocks.get(key)
            if isinstance(component, gr.State):
                component.delete_callback(value)
        with holder.lock:
            holder.session_data.pop(session, None)
            holder.time_last_used.pop(session, None)


def give_memory_back() -> bool:
    """Let the allocator return to the system what ended runs freed: glibc keeps it, in an arena for each of many threads.

    False where it is not glibc's, which does not need it or cannot be asked.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (OSError, AttributeError):  # musl has none
        return False
