"""The settings of a run, each described once: its default, range and check, and what page, command line, HTTP and axes say.

No torch here: a page or a command line can show and check settings before anything heavy is loaded.
"""

from dataclasses import dataclass, field, fields, replace
from math import isfinite
from typing import Any

from dpi_core.errors import DPIError
from dpi_core.method.timesteps import TRAIN_TIMESTEPS

MAX_STEPS = MAX_TAU = TRAIN_TIMESTEPS
MAX_SPARSITY = 8
MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class Setting:
    """What is known of one field of `DPIConfig`, as metadata of that field (`SETTINGS`).

    Attributes:
        symbol: the short name, for labels and sentences: k.
        label: the name on the page: Mask sparsity k.
        help: one line on what it does.
        low, high: the range allowed; None for a switch.
        step: the step of a slider.
        reach: the part of the range that a slider offers; None = all of it.
        explored: values to start exploring with; empty = it is no axis.
        published: False for a setting of ours, which the published method does not have.
    """

    symbol: str
    label: str
    help: str
    low: float | None = None
    high: float | None = None
    step: float = 1
    reach: tuple[float, float] | None = None
    explored: tuple[float, ...] = ()
    published: bool = True

    @property
    def slider(self) -> tuple[float, float]:
        """The ends of a slider."""
        return self.reach or (self.low or 0, self.high or 0)


def _setting(default: Any, *description: Any, **more: Any) -> Any:
    return field(default=default, metadata={"setting": Setting(*description, **more)})


@dataclass(frozen=True)
class DPIConfig:
    """The settings of one run. The defaults are the paper's DDIM setting; `DPIConfig.ddpm()` is its DDPM setting.

    `SETTINGS` holds the description of each field, which says what it does and what is allowed.

    Raises:
        ValueError: naming the field, the value and the allowed range.
    """

    steps: int = _setting(
        20,
        "steps",
        "Steps",
        "Denoising steps. More: finer and closer to the input, but slower.",
        1,
        MAX_STEPS,
        reach=(1, 250),
        explored=(5, 10, 20),
    )
    tau: int = _setting(
        350,
        "tau",
        "Stage split tau",
        "FCM while t > tau, RACM after. Higher: more freedom for the prior.",
        0,
        MAX_TAU,
        step=10,
        explored=(0, 50, 150, 350),
    )
    sparsity: int = _setting(
        2,
        "k",
        "Mask sparsity k",
        "One condition pixel in every k x k. Above 2, likeness suffers.",
        1,
        MAX_SPARSITY,
        explored=(1, 2, 4),
    )
    edge_exponent: float = _setting(
        1.4,
        "s",
        "Edge exponent s",
        "RACM keeps an edge pixel with probability edge^s. Higher: only the strongest edges stay tied to the condition.",
        0.1,
        10.0,
        step=0.1,
        explored=(0.5, 1.4, 4),
    )
    omega: float = _setting(
        1500.0,
        "omega",
        "Condition weight omega",
        "In RACM the condition weighs t / omega, at most 1. Higher: trust the prior more.",
        1.0,
        1e6,
        step=50,
        reach=(250, 5000),
        explored=(500, 1500, 5000),
    )
    eta: float = _setting(
        0.0,
        "eta",
        "Noise eta",
        "0: deterministic DDIM. 1: fresh noise at every step (DDPM).",
        0.0,
        1.0,
        step=0.05,
        explored=(0, 0.5, 1),
    )
    correct: bool = _setting(True, "CRT", "Correct the condition (CRT)", "Let the corrector refine the condition.")
    raw_eps: bool = _setting(
        False,
        "raw eps",
        "Noise the condition with the raw eps",
        "Use the network's own eps for the condition, not the one re-derived from the clipped x0.",
    )
    project: bool = _setting(
        False,
        "exact agreement",
        "Make the result agree with the input exactly",
        "A last, smooth change after sampling: reduced, the result is the input again, its noise too.",
        published=False,
    )
    correct_every: int = _setting(
        1,
        "CRT every",
        "Ask the CRT every .. steps",
        "Counted anew in either stage; its last answer is kept in between. More: quicker. 1: as published.",
        1,
        MAX_STEPS,
        reach=(1, 10),
        published=False,
    )
    consistent_below: int = _setting(
        0,
        "agrees below t",
        "Agree with the input below t",
        "Each clean estimate is made to agree with the input while t is below this. 0: never, as published. 1000: always.",
        0,
        MAX_TAU,
        step=10,
        published=False,
    )
    noise_level: float = _setting(
        0.0,
        "input noise",
        "Noise in the input",
        "In 8-bit levels: a noisy input is agreed with less the cleaner the estimate is. 0: exactly.",
        0.0,
        50.0,
        published=False,
    )
    correct_input: bool = _setting(
        False,
        "corrected input",
        "Agree with the corrected input",
        "Not with a damaged input itself, but with what the corrector makes of it. CRT off: the input itself.",
        published=False,
    )
    spacing: float = _setting(
        1.0,
        "spacing",
        "Spacing of the steps",
        "1: evenly, as published. Higher: shorter steps where little noise is left, where detail is drawn.",
        1.0,
        4.0,
        step=0.25,
        reach=(1, 3),
        published=False,
    )
    uniform_mask: bool = _setting(
        False,
        "uniform mask",
        "Keep pixels evenly in RACM",
        "As many grid pixels as the edges would keep, but anywhere: shows what following the edges is worth.",
        published=False,
    )

    def __post_init__(self) -> None:
        for name in SETTINGS:
            check_setting(name, getattr(self, name), name)
            if kind_of(name) is float:  # a slider hands 1500 over for 1500.0: one value, one way to write it
                object.__setattr__(self, name, float(getattr(self, name)))

    @classmethod
    def ddpm(cls) -> "DPIConfig":
        """Return the paper's DDPM setting: 1000 stochastic steps."""
        return cls(steps=1000, tau=300, edge_exponent=1.2, omega=750.0, eta=1.0, raw_eps=True)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DPIConfig":
        """Make a config from field names to values; missing fields keep their default, unknown ones raise ValueError."""
        return cls().replaced(values)

    def replaced(self, values: dict[str, Any]) -> "DPIConfig":
        """Return this config with some fields replaced; an unknown name raises ValueError with the names there are."""
        if not isinstance(values, dict):
            raise DPIError(f"config is {values!r}; allowed is an object of fields and their values.")
        unknown = [name for name in values if name not in SETTINGS]
        if unknown:
            raise DPIError(f"config has no field {unknown[0]!r}; the fields are {', '.join(SETTINGS)}.")
        return replace(self, **values)


SETTINGS: dict[str, Setting] = {f.name: f.metadata["setting"] for f in fields(DPIConfig)}
"""Field of `DPIConfig` -> its description, in order."""
DEFAULTS: dict[str, Any] = {f.name: f.default for f in fields(DPIConfig)}
"""Field of `DPIConfig` -> the published value."""


def kind_of(field: str) -> type:
    """Tell the type of a field's values: bool, int or float."""
    return type(DEFAULTS[field])


def check_setting(field: str, value: object, name: str) -> None:
    """Raise ValueError, calling the setting `name`, unless the field may hold `value`."""
    setting = SETTINGS[field]
    if setting.low is None or setting.high is None:
        if not isinstance(value, bool):
            raise DPIError(f"{name} is {value!r}; allowed is True or False.")
    elif kind_of(field) is int:
        check_int(name, value, int(setting.low), int(setting.high))
    else:
        check_float(name, value, setting.low, setting.high)


def check_int(name: str, value: object, low: int, high: int) -> None:
    """Raise ValueError, naming field, value and range, unless `value` is a whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise DPIError(f"{name} is {value!r}; allowed is a whole number from {low} to {high}.")


def check_float(name: str, value: object, low: float, high: float) -> None:
    """Raise ValueError, naming field, value and range, unless `value` is a number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not (low <= value <= high and isfinite(value)):
        raise DPIError(f"{name} is {value!r}; allowed is a number from {low:g} to {high:g}.")
