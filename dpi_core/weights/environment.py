"""Where fetched files are kept, whether any may be fetched and from which hub: asked anew each time, from the environment."""

import os
from pathlib import Path

TRUE = {"1", "true", "yes", "on"}


def cache_folder() -> Path:
    """Return ``$DPI_CORE_CACHE``, or ``~/.cache/dpi_core``."""
    named = os.environ.get("DPI_CORE_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "dpi_core"


def offline() -> bool:
    """Tell whether the user forbade downloads: ``HF_HUB_OFFLINE`` or ``DPI_CORE_OFFLINE`` is set to something true."""
    return any(os.environ.get(name, "").lower() in TRUE for name in ("HF_HUB_OFFLINE", "DPI_CORE_OFFLINE"))


def hub_endpoint() -> str | None:
    """Name the mirror of the hub in ``HF_ENDPOINT``, without a slash at its end; None = the hub itself."""
    return os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or None
