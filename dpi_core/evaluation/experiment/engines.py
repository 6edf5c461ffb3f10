"""Who does the work: this process, several of this machine, or a Ray cluster. All do the same units in the same way."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from typing import Any

from dpi_core.errors import DPIError
from dpi_core.evaluation.experiment.units import Equipment, Row, Unit, Worker, worker_of

Done = Iterator[tuple[Unit, list[Row]]]


def local(equipment: Equipment, units: Sequence[Unit], workers: int) -> Done:
    """Do the units in this process or, with more than one worker, in as many others; yield each as it is done."""
    if workers == 1:
        worker = worker_of(equipment)
        yield from ((unit, worker.do(unit)) for unit in units)
        return
    shared = replace(equipment, threads=equipment.threads or max(1, (os.cpu_count() or 1) // workers))
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(_do, shared, unit): unit for unit in units}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _do(equipment: Equipment, unit: Unit) -> list[Row]:
    return worker_of(equipment).do(unit)


def on_ray(equipment: Equipment, units: Sequence[Unit], workers: int) -> Done:
    """Do the units with as many actors of a Ray cluster: that of ``RAY_ADDRESS`` or else one started on this machine.

    Raises:
        ValueError: if Ray is not installed.
    """
    try:
        import ray
        from ray.util import ActorPool
    except ImportError as error:
        raise DPIError("engine is 'ray', which is not installed: pip install ray") from error
    mine = not ray.is_initialized()
    if mine:
        here: dict[str, Any] = (
            {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": workers, "include_dashboard": False}
        )
        ray.init(log_to_driver=False, **here)
    try:
        on_gpu = equipment.device != "cpu" and ray.cluster_resources().get("GPU", 0) >= 1
        shared = replace(equipment, threads=equipment.threads or max(1, (os.cpu_count() or 1) // workers))
        actor = ray.remote(num_cpus=1, num_gpus=int(on_gpu))(Worker)
        pool = ActorPool([actor.remote(shared) for _ in range(min(workers, len(units)))])
        by_key = {unit.key: unit for unit in units}
        for key, rows in pool.map_unordered(lambda worker, unit: worker.keyed.remote(unit), [*units]):
            yield by_key[key], rows
    finally:
        if mine:
            ray.shutdown()


ENGINES: dict[str, Callable[[Equipment, Sequence[Unit], int], Done]] = {"local": local, "ray": on_ray}
