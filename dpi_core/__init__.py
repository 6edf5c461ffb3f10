"""Diffusion Prior Interpolation for face super-resolution. Importing this loads nothing heavy; its names load on use."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from dpi_core.config import DPIConfig
    from dpi_core.corrector import Corrector, load_corrector
    from dpi_core.pipeline import Restorer
    from dpi_core.priors import Prior, load_prior
    from dpi_core.sampler import StepEvent, sample, sample_steps

_HOMES = {
    "Corrector": "corrector",
    "DPIConfig": "config",
    "Prior": "priors",
    "Restorer": "pipeline",
    "StepEvent": "sampler",
    "load_corrector": "corrector",
    "load_prior": "priors",
    "sample": "sampler",
    "sample_steps": "sampler",
}

__all__ = [
    "Corrector",
    "DPIConfig",
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
