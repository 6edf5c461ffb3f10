"""Memory that ended runs freed, given back to the system: glibc keeps it, in an arena for each of many threads."""

import ctypes
import sys


def give_memory_back() -> bool:
    """Let the allocator return what nobody uses; False where it is not glibc's, which does not need it or cannot be asked."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (OSError, AttributeError):  # musl has none
        return False
