"""What people are told of errors; it stands below everything, so that every layer can raise and tell them."""

import errno

MEMORY_SIGNS = ("out of memory", "not enough memory", "insufficient memory", "can't allocate memory", "alloc_failed")
"""Words of CUDA, MPS, OpenCV, the CPU and cuDNN when memory runs out; only CUDA has a class of its own for it."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)


class DPIError(ValueError):
    """Something a person can mend; the message says what was wrong, with which value, and what is allowed.

    The page, the HTTP endpoints and the command line show its message and no other error's: those are logged and told as
    unexpected, but for what a machine can run out of (`of_the_machine`).
    """


def of_the_machine(error: BaseException) -> str | None:
    """Say in a sentence, without any path, what the machine lacks for a disk, a folder or a memory; None for other errors."""
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return "The disk is full; nothing half-written was kept. Make room and try again."
    if isinstance(error, OSError) and error.errno in FORBIDDEN:
        return "A file or folder cannot be written here; nothing was lost. Look at the permissions and try again."
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return "Too many files are open on this machine at once; try again in a moment."
    if isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in MEMORY_SIGNS):
        return "The memory does not suffice for this; try a smaller photo, fewer seeds or less enlargement."
    return None
