"""What A and B are: settings and a prior each, in words, what they differ in, and what running both would cost."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape

from dpi_core.errors import DPIError
from dpi_core.method.config import DEFAULTS, SETTINGS, DPIConfig
from dpi_core.models.presets import find_preset, name_of, presets_for
from dpi_core.web.axes import shared_steps
from dpi_core.web.engine import Engine
from dpi_core.web.live import render_message

NAMES = "AB"


@dataclass(frozen=True)
class Setup:
    """What one of the two is run with."""

    config: DPIConfig
    prior: str

    def in_words(self, with_prior: bool = False) -> str:
        """All settings, after the prior where that is asked for."""
        return f"{self.prior}: {in_words(self.config)}" if with_prior else in_words(self.config)


def in_words(config: DPIConfig) -> str:
    """Say all settings of a run: steps 20, tau 50, k 2, s 1.4, omega 1500, eta 1, with CRT."""
    said = []
    for field, setting in sorted(SETTINGS.items(), key=lambda item: item[1].low is None):  # switches last
        value = getattr(config, field)
        if setting.low is None:
            said += [f"with {setting.symbol}"] if value else ["no CRT"] if field == "correct" else []
        elif setting.published or value != DEFAULTS[field]:  # what is ours is said where it is used
            said.append(f"{setting.symbol} {value:g}")
    return ", ".join(said)


def differences(a: DPIConfig, b: DPIConfig, priors: Sequence[str] = ("", "")) -> str:
    """Say what two settings differ in: prior (embedded, ffhq-256), tau (350, 50) and eta (0, 1)."""
    parts = [f"prior ({priors[0]}, {priors[1]})"] if priors[0] != priors[1] else []
    for field, setting in SETTINGS.items():
        values = getattr(a, field), getattr(b, field)
        if values[0] != values[1]:
            texts = (
                ("on" if value else "off" for value in values) if setting.low is None else (f"{v:g}" for v in values)
            )
            parts.append(f"{setting.symbol} ({', '.join(texts)})")
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def both(a: dict, b: dict, priors: Sequence[str] = ("", "")) -> tuple[Setup, Setup]:
    """A and B from field names to values.

    Raises:
        ValueError: if a value is not allowed, or if they are the same.
    """
    first, second = Setup(DPIConfig.from_dict(a), priors[0]), Setup(DPIConfig.from_dict(b), priors[1])
    if first == second:
        raise DPIError(
            "A and B are the same settings. Choose another preset or prior, or take the page's settings as A or B."
        )
    return first, second


def steps_in_common(a: Setup, b: Setup) -> int:
    """How many first steps of both are the same; none with two priors."""
    return shared_steps(a.config, b.config) if a.prior == b.prior else 0


def stored(config: DPIConfig, prior: str) -> str:
    """Settings as short text: the name of the prior's preset they are, or what differs from the defaults, as JSON."""
    start = asdict(DPIConfig())
    other = {key: value for key, value in asdict(config).items() if value != start[key]}
    return name_of(config, presets_for(prior)) or json.dumps(other, separators=(",", ":"))


def read_stored(text: str, prior: str) -> DPIConfig:
    """The settings that `stored` wrote; a preset is the one for `prior`.

    Raises:
        ValueError: if it is neither a preset nor JSON of settings that are allowed.
    """
    if not text.startswith("{"):
        return find_preset(text, prior).config
    try:
        values = json.loads(text)
    except ValueError as error:
        raise DPIError(f"the settings are {text!r}; allowed is a preset's name or JSON.") from error
    return DPIConfig.from_dict(values)


def ab_plan(engine: Engine, a: dict, b: dict, priors: Sequence[str | None] = (None, None)) -> str:
    """What A and B differ in and what running both would cost, as HTML, or what is wrong with them."""
    try:
        names = [engine.checked_prior(prior) for prior in priors]
        first, second = both(a, b, names)
    except DPIError as error:
        return render_message(str(error), "error")
    shared, total = steps_in_common(first, second), first.config.steps + second.config.steps
    text = f"A and B differ in {differences(first.config, second.config, names)}. "
    if shared:
        text += f"{total - shared} steps to run instead of {total}: they share the first {shared}."
    else:
        text += f"{total} steps to run."
    seconds = [
        engine.estimate(first.config.steps, names[0]),
        engine.estimate(second.config.steps - shared, names[1]),
    ]
    known = [value for value in seconds if value is not None]
    if len(known) == len(seconds):
        text += f" About {max(1, round(sum(known)))} s on this machine."
    else:
        text += " How long they take is known after a first run with each prior."
    waiting = [name for name in dict.fromkeys(names) if not engine.holds(name)]
    if waiting and names[0] != names[1]:
        text += f" To be loaded first: {', '.join(waiting)}."
    return f'<p class="dpi-plan">{escape(text)}</p>'
