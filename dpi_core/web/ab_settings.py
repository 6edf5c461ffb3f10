"""What A and B are: two variants, in words, what they differ in, and what running both would cost."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from html import escape

from dpi_core.errors import DPIError
from dpi_core.method.config import DEFAULTS, SETTINGS, DPIConfig
from dpi_core.models.presets import find_preset, name_of, presets_for
from dpi_core.restore.variants import Plan, Variant, plan_variants
from dpi_core.web.engine import Engine
from dpi_core.web.live import render_message

NAMES = "AB"


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


def words_of(plan: Plan) -> list[str]:
    """Say all settings of each variant, after its prior where there are several."""
    several = len({variant.prior for variant in plan.variants}) > 1
    return [f"{v.prior}: {in_words(v.config)}" if several else in_words(v.config) for v in plan.variants]


def differences(first: Variant, second: Variant) -> str:
    """Say what two variants differ in: prior (embedded, ffhq-256), tau (350, 50) and eta (0, 1)."""
    a, b = first.config, second.config
    parts = [f"prior ({first.prior}, {second.prior})"] if first.prior != second.prior else []
    for field, setting in SETTINGS.items():
        values = getattr(a, field), getattr(b, field)
        if values[0] != values[1]:
            texts = (
                ("on" if value else "off" for value in values) if setting.low is None else (f"{v:g}" for v in values)
            )
            parts.append(f"{setting.symbol} ({', '.join(texts)})")
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def both(a: dict, b: dict, priors: Sequence[str] = ("", ""), seed: int = 0) -> Plan:
    """Plan A and B, in this order its `variants`, from field names to values.

    Raises:
        ValueError: if a value is not allowed, or if they are the same.
    """
    first, second = (Variant(DPIConfig.from_dict(v), (seed,), prior) for v, prior in zip((a, b), priors, strict=True))
    if first == second:
        raise DPIError(
            "A and B are the same settings. Choose another preset or prior, or take the page's settings as A or B."
        )
    return plan_variants([first, second])


def stored(config: DPIConfig, prior: str) -> str:
    """Write settings as short text: the name of the prior's preset they are, or what differs from the defaults, as JSON."""
    start = asdict(DPIConfig())
    other = {key: value for key, value in asdict(config).items() if value != start[key]}
    return name_of(config, presets_for(prior)) or json.dumps(other, separators=(",", ":"))


def read_stored(text: str, prior: str) -> DPIConfig:
    """Read the settings that `stored` wrote; a preset is the one for `prior`.

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
    """Say what A and B differ in and what running both would cost, as HTML, or what is wrong with them."""
    try:
        names = [engine.checked_prior(prior) for prior in priors]
        plan = both(a, b, names)
    except DPIError as error:
        return render_message(str(error), "error")
    text = f"A and B differ in {differences(*plan.variants)}. "
    if plan.saved:
        text += f"{plan.steps} steps to run instead of {plan.steps + plan.saved}: they share the first {plan.saved}."
    else:
        text += f"{plan.steps} steps to run."
    seconds = engine.estimate_plan(plan)
    if seconds is not None:
        text += f" About {max(1, round(seconds))} s on this machine."
    else:
        text += " How long they take is known after a first run with each prior."
    waiting = [name for name in dict.fromkeys(names) if not engine.holds(name)]
    if waiting and names[0] != names[1]:
        text += f" To be loaded first: {', '.join(waiting)}."
    return f'<p class="dpi-plan">{escape(text)}</p>'
