"""Where fetched files are kept, and whether any may be fetched: both are asked anew each time, from the environment."""

import os
from pathlib import Path

TRUE = {"1", "true", "yes", "on"}


def cache_folder() -> Path:
    """``$DPI_CORE_CACHE``, or ``~/.cache/dpi_core``."""
    named = os.environ.get("DPI_CORE_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "dpi_core"


def offline() -> bool:
    """Whether the user forbade downloads: ``HF_HUB_OFFLINE`` or ``DPI_CORE_OFFLINE`` is set to something true."""
    return any(os.environ.get(name, "").lower() in TRUE for name in ("HF_HUB_OFFLINE", "DPI_CORE_OFFLINE"))
