"""What workers load in a test: no models, and some jobs kill them."""

import os
import time
from collections.abc import Callable

from dpi_core.errors import DPIError


def load() -> Callable[[str], int]:
    return lambda job: os._exit(9) if "dies" in job else os.getpid()


def load_nothing() -> Callable[[str], int]:
    raise DPIError("there is nothing to load")


def load_endless() -> Callable[[str], None]:
    def never(job: str) -> None:
        print("started", flush=True)
        while True:
            time.sleep(1)

    return never
