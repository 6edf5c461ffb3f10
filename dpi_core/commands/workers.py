"""A batch in several processes, each with its own models; a process that dies fails its photo alone and is replaced.

The processes are started afresh (spawn), since PyTorch's threads do not survive a fork. They take a photo when they are done
with one, so that nothing piles up.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import RLock, Thread

from dpi_core.commands.batch import Outcome, failure
from dpi_core.commands.outputs import Job
from dpi_core.errors import DPIError

MOST_WORKERS = 64

Load = Callable[[], Callable[[Job], Outcome]]


def in_processes(jobs: Iterable[Job], load: Load, number: int) -> Iterator[Outcome]:
    """Carry jobs out in `number` processes; yields each outcome when it comes.

    Args:
        load: called in every process, so it must be picklable; returns what carries out a job and raises nothing.

    Raises:
        DPIError: if the models cannot be loaded, with what was said of them.
    """
    todo = iter(jobs)
    busy: dict[object, tuple[Connection, BaseProcess, Job]] = {}

    def give(job: Job, pipe: Connection, process: BaseProcess) -> None:
        busy[pipe] = pipe, process, job
        with suppress(OSError):  # it has died, which reading its answer will tell
            pipe.send(job)

    try:
        for job in islice(todo, number):
            give(job, *_started(load, number))
        while busy:
            for ready in wait([pipe for pipe, *_ in busy.values()]):
                pipe, process, job = busy.pop(ready)
                answer: Outcome | Exception
                try:
                    answer = pipe.recv()
                except (EOFError, OSError):
                    process.join()
                    answer = failure(
                        job.photo, f"its process ended with {process.exitcode}; is there too little memory?"
                    )
                if isinstance(answer, Exception):
                    raise answer
                following = next(todo, None)
                if following is not None:
                    give(following, *((pipe, process) if process.is_alive() else _started(load, number)))
                else:
                    pipe.close()  # which ends it
                    process.join()
                yield answer
    finally:
        for _, process, _ in busy.values():
            process.terminate()
            process.join()


def _started(load: Load, number: int) -> tuple[Connection, BaseProcess]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, load, number), daemon=True)
    process.start()
    there.close()  # so that its end is the end of the pipe
    return here, process


def _serve(pipe: Connection, load: Load, number: int) -> None:
    """Carry out the jobs that come through a pipe until it is closed."""
    import torch
    from tqdm import tqdm

    tqdm.set_lock(RLock())  # its own is a semaphore that a process which is ended leaves behind
    Thread(target=_end_with_the_batch, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interruption from the keyboard is the batch's to handle
    torch.set_num_threads(max(1, torch.get_num_threads() // number))
    try:
        carry_out = load()
    except DPIError as error:
        pipe.send(DPIError(str(error)))
        return
    except Exception as error:
        pipe.send(RuntimeError(f"{type(error).__name__}: {error}"))
        return
    try:
        while True:
            pipe.send(carry_out(pipe.recv()))
    except (EOFError, OSError):
        return


def _end_with_the_batch() -> None:
    """End this process as soon as the batch was killed, so that one that goes on where it was meets nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
