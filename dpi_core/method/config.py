"""The settings of a run, which validate themselves. No torch here: a page or a command line can show and check them
before anything heavy is loaded."""

from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any

from dpi_core.errors import DPIError
from dpi_core.method.timesteps import TRAIN_TIMESTEPS

MAX_STEPS = MAX_TAU = TRAIN_TIMESTEPS
MAX_SPARSITY = 8
MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class DPIConfig:
    """The settings of one run. The defaults are the paper's DDIM setting; `DPIConfig.ddpm()` is its DDPM setting.

    Attributes:
        steps: denoising steps, 1 to 1000.
        tau: stage split in training timesteps, 0 to 1000: FCM while t > tau, RACM after. 0 = FCM to the end,
            1000 = RACM from the start.
        sparsity: k, one condition pixel in every k x k, 1 to 8. Higher gives the prior more freedom.
        edge_exponent: s, 0.1 to 10. Higher keeps only the strongest edges tied to the condition in RACM.
        omega: 1 to 1e6. In RACM the condition weighs t / omega; higher trusts the prior more.
        eta: 0 to 1. 0 = deterministic DDIM, 1 = fresh noise at every step (DDPM).
        correct: let the corrector refine the condition.
        correct_every: 1 to 1000. Ask the corrector at one step in so many, counted anew in either stage, and keep its
            answer in between: quicker, as it changes little from step to step. The published method asks at every step.
        project: make the result reduce to the low-resolution face exactly, by the least change (`consistency.project`);
            the published method does not.
        raw_eps: noise the condition with the network's own eps instead of the one re-derived from the clipped x0.

    Raises:
        ValueError: naming the field, the value and the allowed range.
    """

    steps: int = 20
    tau: int = 350
    sparsity: int = 2
    edge_exponent: float = 1.4
    omega: float = 1500.0
    eta: float = 0.0
    correct: bool = True
    raw_eps: bool = False
    project: bool = False
    correct_every: int = 1

    def __post_init__(self) -> None:
        check_int("steps", self.steps, 1, MAX_STEPS)
        check_int("tau", self.tau, 0, MAX_TAU)
        check_int("sparsity", self.sparsity, 1, MAX_SPARSITY)
        check_float("edge_exponent", self.edge_exponent, 0.1, 10.0)
        check_float("omega", self.omega, 1.0, 1e6)
        check_float("eta", self.eta, 0.0, 1.0)
        check_int("correct_every", self.correct_every, 1, MAX_STEPS)
        for name in ("correct", "raw_eps", "project"):
            if not isinstance(getattr(self, name), bool):
                raise DPIError(f"{name} is {getattr(self, name)!r}; allowed is True or False.")

    @classmethod
    def ddpm(cls) -> "DPIConfig":
        """The paper's DDPM setting: 1000 stochastic steps."""
        return cls(steps=1000, tau=300, edge_exponent=1.2, omega=750.0, eta=1.0, raw_eps=True)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DPIConfig":
        """A config from field names to values; missing fields keep their default, unknown ones raise ValueError."""
        return cls().replaced(values)

    def replaced(self, values: dict[str, Any]) -> "DPIConfig":
        """This config with some fields replaced; an unknown name raises ValueError with the names there are."""
        if not isinstance(values, dict):
            raise DPIError(f"config is {values!r}; allowed is an object of fields and their values.")
        known = [f.name for f in fields(DPIConfig)]
        unknown = [name for name in values if name not in known]
        if unknown:
            raise DPIError(f"config has no field {unknown[0]!r}; the fields are {', '.join(known)}.")
        return replace(self, **values)


def check_int(name: str, value: object, low: int, high: int) -> None:
    """Raise ValueError, naming field, value and range, unless `value` is a whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise DPIError(f"{name} is {value!r}; allowed is a whole number from {low} to {high}.")


def check_float(name: str, value: object, low: float, high: float) -> None:
    """Raise ValueError, naming field, value and range, unless `value` is a number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not (isfinite(value) and low <= value <= high):
        raise DPIError(f"{name} is {value!r}; allowed is a number from {low:g} to {high:g}.")
