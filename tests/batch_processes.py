"""What the processes of a batch load in a test: no models, and some photos kill them."""

import os
import time
from collections.abc import Callable

from dpi_core.commands.batch import Outcome, outcome_of
from dpi_core.commands.outputs import Job


def load() -> Callable[[Job], Outcome]:
    return lambda job: os._exit(9) if "dies" in job.name else outcome_of(job.photo, lambda: {"process": os.getpid()})


def load_endless() -> Callable[[Job], Outcome]:
    def never(job: Job) -> Outcome:
        print("started", flush=True)
        while True:
            time.sleep(1)

    return never
