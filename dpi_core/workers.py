"""Jobs done by workers that load once: in this process, in several of this machine, or as actors of a Ray cluster.

A worker that dies fails its job alone and is replaced. Each takes a job when it is done with one, so that nothing piles up.
"""

import logging
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import islice
from math import ceil
from multiprocessing.connection import wait
from threading import RLock, Thread
from typing import Any, TypeVar

from dpi_core.errors import DPIError
from dpi_core.method.config import check_int

ENGINES = {"local": 64, "ray": 1024}  # and how many workers each takes at most

Job = TypeVar("Job")
Done = TypeVar("Done")
Load = Callable[[], Callable[[Job], Done]]


@dataclass(frozen=True)
class Died:
    """What comes of a job whose worker ended over it, with the reason for people."""

    reason: str


def check_workers(engine: str, number: int) -> None:
    """Check what carries jobs out, before anything is loaded.

    Raises:
        DPIError: on too few or too many workers, or if Ray is asked for and not installed.
    """
    check_int("workers", number, 1, ENGINES[engine])
    if engine == "ray" and find_spec("ray") is None:
        raise DPIError("engine is 'ray', which is not installed: pip install ray")


def carried_out(
    jobs: Iterable[Job], load: Load[Job, Done], number: int, engine: str = "local", device: str = "auto"
) -> Iterator[tuple[Job, Done | Died]]:
    """Carry jobs out with `number` workers; yields each with what came of it, as soon as it is done.

    One local worker is this process, which loads at once.

    Args:
        load: called in every worker, so it must be picklable; returns what does a job.
        engine: one of `ENGINES`. "ray" takes the cluster of ``RAY_ADDRESS``, or else starts one on this machine.
        device: an actor of Ray takes its share of the GPUs, where there are any, unless this is "cpu".

    Raises:
        DPIError: if what is to be loaded cannot be, with what was said of it, or no cluster answers.
    """
    if engine == "local" and number == 1:
        do = load()
        return ((job, do(job)) for job in jobs)
    here = nullcontext((partial(_Process, load, number), wait))
    return _shared_out(jobs, _on_ray(load, number, device) if engine == "ray" else here, number)


def _shared_out(jobs: Iterable[Job], engine: AbstractContextManager, number: int) -> Iterator[tuple[Job, Any]]:
    todo = iter(jobs)
    idle: list[Any] = []
    busy: dict[Any, tuple[Any, Job]] = {}
    with engine as (started, ready):
        try:
            while True:
                following = list(islice(todo, number - len(busy)))
                # all are started before any gets a job, since giving a large one waits for its worker
                idle += [started() for _ in following[len(idle) :]]
                for job in following:
                    worker = idle.pop()
                    busy[worker.give(job)] = worker, job
                while idle:
                    idle.pop().end()  # which makes room for those that a cluster could not start yet
                if not busy:
                    return
                for ticket in ready(list(busy)):
                    worker, job = busy.pop(ticket)
                    idle.append(worker)
                    answer = worker.answer(ticket)
                    if isinstance(answer, Exception):
                        raise answer
                    if isinstance(answer, Died):
                        idle.pop().end()
                    yield job, answer
        finally:
            for worker in [*idle, *(worker for worker, _ in busy.values())]:
                worker.end()


class _Worker:
    """What does jobs in a process or an actor; it loads with the first, and what is raised is an answer."""

    def __init__(self, load: Load, threads: int, folder: str = "."):
        import torch

        torch.set_num_threads(max(1, threads))
        self._load = load
        self._do: Callable | None = None
        with suppress(OSError):  # of the caller, whose paths may be relative; where it is not, reading them tells
            os.chdir(folder)

    def do(self, job: Any) -> Any:
        try:
            self._do = self._do or self._load()
            return self._do(job)
        except DPIError as error:
            return DPIError(str(error))
        except Exception:
            return RuntimeError(traceback.format_exc())


class _Process:
    """A worker in a process of its own, started afresh (spawn), since PyTorch's threads do not survive a fork."""

    def __init__(self, load: Load, number: int):
        context = multiprocessing.get_context("spawn")
        self.pipe, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there, load, number), daemon=True)
        self.process.start()
        there.close()  # so that its end is the end of the pipe

    def give(self, job: Any) -> Any:
        with suppress(OSError):  # it has died, which reading its answer will tell
            self.pipe.send(job)
        return self.pipe

    def answer(self, _ticket: Any) -> Any:
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return Died(f"its process ended with {self.process.exitcode}; is there too little memory?")

    def end(self) -> None:
        self.process.terminate()
        self.process.join()


def _serve(pipe: Any, load: Load, number: int) -> None:
    """Carry out the jobs that come through a pipe until it is closed."""
    import torch
    from tqdm import tqdm

    tqdm.set_lock(RLock())  # its own is a semaphore that a process which is ended leaves behind
    Thread(target=_end_with_the_caller, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interruption from the keyboard is the caller's to handle
    worker = _Worker(load, torch.get_num_threads() // number)
    with suppress(EOFError, OSError):
        while True:
            pipe.send(worker.do(pipe.recv()))


def _end_with_the_caller() -> None:
    """End this process as soon as its caller was killed, so that one that goes on where it was meets nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


class _Actor:
    """A worker in an actor of Ray; `start` makes the actor."""

    def __init__(self, ray: Any, start: Callable[[], Any]):
        self.ray, self.actor = ray, start()

    def give(self, job: Any) -> Any:
        return self.actor.do.remote(job)

    def answer(self, ticket: Any) -> Any:
        try:
            return self.ray.get(ticket)
        except (self.ray.exceptions.RayActorError, self.ray.exceptions.OutOfMemoryError) as error:
            if getattr(error, "actor_init_failed", False):
                said = str(error).splitlines()[-1]
                return DPIError(f"Ray cannot start a worker; is this package on all of its machines? {said}")
            return Died("its actor on Ray ended; is there too little memory?")

    def end(self) -> None:
        self.ray.kill(self.actor)


@contextmanager
def _on_ray(load: Load, number: int, device: str) -> Iterator[tuple[Callable, Callable]]:
    # read when Ray is imported: it reports nothing to its makers, and leaves stdout to the results
    os.environ.update({"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "."} | dict(os.environ))
    import ray
    import torch

    address = os.environ.get("RAY_ADDRESS") or "local"
    own: dict[str, Any] = {"num_cpus": max(number, torch.get_num_threads()), "include_dashboard": False}
    more = own if address == "local" else {}
    try:
        cluster = ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **more)
    except (ConnectionError, RuntimeError) as error:
        raise DPIError(f"Ray cannot be had, address {address!r}: {error}") from error
    with cluster:
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        gpus = 0 if device == "cpu" else sum(machine.get("GPU", 0) for machine in machines)
        cpus = [int(machine.get("CPU", 0)) for machine in machines if machine.get("GPU") or not gpus]
        # the most for each that leave room for all
        share = next((n for n in range(max(cpus), 1, -1) if sum(has // n for has in cpus) >= number), 1)
        lent = {"num_cpus": share, "num_gpus": 1 / ceil(number / gpus) if gpus else 0}
        start = partial(ray.remote(_Worker).options(**lent).remote, load, share, os.getcwd())
        yield partial(_Actor, ray, start), lambda tickets: ray.wait(tickets)[0]
