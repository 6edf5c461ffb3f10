"""Every method by its name. Each is a function of a `Problem` and the number of calls of the prior (its published number
where none is given) to the events of a run, the last of which is the result."""

from collections.abc import Callable, Iterator

from dpi_core.baselines.bicubic import bicubic
from dpi_core.baselines.corrector_alone import corrector_alone
from dpi_core.baselines.daps import daps
from dpi_core.baselines.ddnm import ddnm
from dpi_core.baselines.ddnm_plus import ddnm_plus
from dpi_core.baselines.ddrm import ddrm
from dpi_core.baselines.diffpir import diffpir
from dpi_core.baselines.dps import dps
from dpi_core.baselines.ilvr import ilvr
from dpi_core.baselines.repaint import repaint
from dpi_core.method.sampler import StepEvent

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
