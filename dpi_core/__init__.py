"""Diffusion Prior Interpolation for face super-resolution. Importing this loads nothing heavy; its names load on use."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from dpi_core.errors import DPIError
    from dpi_core.method.config import DPIConfig
    from dpi_core.method.interfaces import Corrector, Prior
    from dpi_core.method.sampler import StepEvent, sample, sample_steps
    from dpi_core.models.correctors import load_corrector
    from dpi_core.models.priors import load_prior
    from dpi_core.restore.restorer import Restorer

_HOMES = {
    "Corrector": "method.interfaces",
    "DPIConfig": "method.config",
    "DPIError": "errors",
    "Prior": "method.interfaces",
    "Restorer": "restore.restorer",
    "StepEvent": "method.sampler",
    "load_corrector": "models.correctors",
    "load_prior": "models.priors",
    "sample": "method.sampler",
    "sample_steps": "method.sampler",
}

__all__ = [
    "Corrector",
    "DPIConfig",
    "DPIError",
    "Prior",
    "Restorer",
    "StepEvent",
    "__version__",
    "load_corrector",
    "load_prior",
    "sample",
    "sample_steps",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"dpi_core.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
