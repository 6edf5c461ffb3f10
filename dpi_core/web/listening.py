"""The messages of a session, and whether anybody listens to them."""

import asyncio
import time


class HeardMessages(asyncio.Queue):
    """A queue that remembers when somebody last stood at its other end."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners = 0
        self._last = time.monotonic()
        self._ever = False

    async def get(self):
        """Take a message; whoever waits for one listens."""
        self._listeners += 1
        self._ever = True
        try:
            return await super().get()
        finally:
            self._listeners -= 1
            self._last = time.monotonic()

    def heard(self, since: float) -> bool:
        """Tell whether anybody has listened since a moment."""
        return self._listeners > 0 or (self._ever and self._last >= since)

    def silent(self, now: float, since: float = 0.0) -> float:
        """Return for how many seconds nobody has listened, counted from a moment on; 0 while somebody does."""
        return 0.0 if self._listeners else now - max(self._last, since)
