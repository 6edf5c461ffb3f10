"""Every method by its name. Each is a function of a `Problem` and the number of calls of the prior (its published number
where none is given) to the events of a run, the last of which is the result."""

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from dpi_core.baselines import NAMES
from dpi_core.baselines.bicubic import bicubic
from dpi_core.baselines.corrector_alone import corrector_alone
from dpi_core.baselines.daps import daps
from dpi_core.baselines.ddnm import ddnm
from dpi_core.baselines.ddnm_plus import ddnm_plus
from dpi_core.baselines.ddrm import ddrm
from dpi_core.baselines.diffpir import diffpir
from dpi_core.baselines.dps import dps
from dpi_core.baselines.ilvr import ilvr
from dpi_core.baselines.problem import Problem
from dpi_core.baselines.repaint import repaint
from dpi_core.errors import DPIError
from dpi_core.method.config import DPIConfig
from dpi_core.method.interfaces import Corrector, Prior
from dpi_core.method.sampler import StepEvent, sample_steps

METHODS: dict[str, Callable[..., Iterator[StepEvent]]] = {
    "bicubic": bicubic,
    "corrector": corrector_alone,
    "ilvr": ilvr,
    "repaint": repaint,
    "ddnm": ddnm,
    "ddnm+": ddnm_plus,
    "ddrm": ddrm,
    "diffpir": diffpir,
    "dps": dps,
    "daps": daps,
}


def method_steps(
    method: str,
    prior: Prior,
    condition: Tensor,
    config: DPIConfig,
    *,
    corrector: Corrector | None = None,
    seeds: Sequence[int] = (0,),
    low_res: Tensor | None = None,
    after: StepEvent | None = None,
) -> Iterator[StepEvent]:
    """Restore faces step by step by the method of that name, "dpi" or one of `METHODS`; the rest is as in `sample_steps`.

    The others heed the steps, their spacing, the sparsity and the noise level of `config`, and nothing else of it.

    Raises:
        ValueError: on an unknown method, as `sample_steps`, and if another method than DPI is to go on after an event.
    """
    if checked(method) == "dpi":
        return sample_steps(prior, condition, config, corrector=corrector, seeds=seeds, low_res=low_res, after=after)
    if low_res is None:
        raise DPIError(f"method is {method!r}, but low_res, the low-resolution face, is not given.")
    if after is not None:
        raise DPIError(f"method is {method!r}, which cannot go on after a step of another run; only dpi can.")
    heeded = (config.noise_level, corrector, config.sparsity, config.spacing)
    problem = Problem(prior, condition, low_res, tuple(seeds), *heeded)
    return METHODS[method](problem, config.steps)


def checked(method: str) -> str:
    """Return the name, unless there is no such method.

    Raises:
        ValueError: naming those there are.
    """
    if method not in NAMES:
        raise DPIError(f"method is {method!r}; allowed is {', '.join(NAMES)}.")
    return method
