"""What A and B are: two requests over one face, in words, what they differ in, and what running both would cost."""

import json
from dataclasses import asdict

from dpi_core.errors import DPIError
from dpi_core.method.config import DEFAULTS, SETTINGS, DPIConfig
from dpi_core.models.presets import find_preset, name_of, presets_for
from dpi_core.restore.request import Request
from dpi_core.restore.variants import Plan, Variant, plan_variants
from dpi_core.web.engine import Engine
from dpi_core.web.live import cost_text


def in_words(config: DPIConfig, method: str = "dpi") -> str:
    """Say the settings that a run heeds: steps 20, tau 50, k 2, s 1.4, omega 1500, eta 1, with CRT."""
    words, heeded = [], Variant(config, method=method).heeded
    for field, setting in sorted(SETTINGS.items(), key=lambda item: item[1].low is None):  # switches last
        value = getattr(config, field)
        if field not in heeded:
            continue
        if setting.low is None:
            words += [f"with {setting.symbol}"] if value else ["no CRT"] if field == "correct" else []
        elif setting.published or value != DEFAULTS[field]:  # what is ours is said where it is used
            words.append(f"{setting.symbol} {value:g}")
    return ", ".join(words)


def words_of(plan: Plan) -> list[str]:
    """Say all settings of each variant, after its prior and its method where these differ or are not DPI's."""
    priors = {variant.prior for variant in plan.variants}
    methods = {variant.method for variant in plan.variants}
    words = []
    for v in plan.variants:
        named = [v.prior] if len(priors) > 1 else []
        named += [v.method] if methods != {"dpi"} else []
        words.append(": ".join(filter(None, [", ".join(named), in_words(v.config, v.method)])))
    return words


def differences(first: Variant, second: Variant) -> str:
    """Say what two variants differ in, of what counts for both: “Steps” (20 against 5) and “Noise eta” (0 against 1)."""
    pairs = {name.capitalize(): (getattr(first, name), getattr(second, name)) for name in ("prior", "method")}
    for field, setting in SETTINGS.items():
        if field in first.heeded and field in second.heeded:
            values = (getattr(variant.config, field) for variant in (first, second))
            a, b = (f"{v:.9g}" if setting.low is not None else "on" if v else "off" for v in values)
            pairs[setting.label] = a, b
    parts = [f"“{label}” ({a} against {b})" for label, (a, b) in pairs.items() if a != b]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def both(a: Request, b: Request) -> Plan:
    """Plan A and B, in this order its `variants`; DPIError if they make the same."""
    first, second = Variant.of(a), Variant.of(b)
    if first.same(second):
        raise DPIError(
            "A and B are the same settings. Choose another preset, prior or method, or take the page's settings as A or B."
        )
    return plan_variants([first, second])


def side_of(engine: Engine, request: Request, held: str, prior: str, method: str) -> Request:
    """Make what is asked of a side: the page's request with the side's own settings, prior and method."""
    name = engine.checked_prior(prior)
    return request.replaced({"config": asdict(read_stored(held, name)), "prior": name, "method": method})


def stored(config: DPIConfig, prior: str) -> str:
    """Write settings as short text: the name of the prior's preset they are, or what differs from the defaults, as JSON."""
    start = asdict(DPIConfig())
    other = {key: value for key, value in asdict(config).items() if value != start[key]}
    return name_of(config, presets_for(prior)) or json.dumps(other, separators=(",", ":"))


def read_stored(text: str, prior: str) -> DPIConfig:
    """Read the settings that `stored` wrote, a preset as the one for `prior`; DPIError if they are not allowed."""
    if not text.startswith("{"):
        return find_preset(text, prior).config
    try:
        values = json.loads(text)
    except ValueError as error:
        raise DPIError(f"the settings are {text!r}; allowed is a preset's name or JSON.") from error
    return DPIConfig.from_dict(values)


def ab_plan(engine: Engine, a: Request, b: Request) -> str:
    """Say what A and B differ in and what running both would cost; DPIError if they make the same."""
    plan = both(a, b)
    text = f"A and B differ in {differences(*plan.variants)}. "
    if plan.saved:
        text += f"{plan.steps} steps to run instead of {plan.steps + plan.saved}: they share the first {plan.saved}."
    else:
        text += f"{plan.steps} steps to run."
    text += cost_text(engine.estimate_plan(plan)) or " How long they take is known after a first run of each."
    waiting = [name for name in dict.fromkeys([a.prior, b.prior]) if not engine.holds(name)]
    if waiting and a.prior != b.prior:
        text += f" To be loaded first: {', '.join(waiting)}."
    return text
