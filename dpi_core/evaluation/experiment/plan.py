"""A plan of a run: which faces, degradations, methods and metrics. `read_plan` reads it from YAML (``docs/evaluation.md``)."""

from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

from dpi_core.baselines import NAMES
from dpi_core.errors import DPIError
from dpi_core.evaluation.experiment.checked_yaml import checked_keys, items, mapping, named, read_yaml, switch, text
from dpi_core.evaluation.methods import Baseline, Way, calls_of, settings_from
from dpi_core.imaging.known_degradations import Degrading, degradation_of, make_degradation
from dpi_core.measure.metric_registry import METRICS, checked_metric
from dpi_core.method.config import MAX_STEPS, DPIConfig, check_int, check_setting
from dpi_core.models.presets import find_preset

MANY = 1_000_000
INTO_DETAIL = {"grid", "eight_seeds", "fcm_end", "gain", "psnr_eyes", "psnr_nose", "psnr_mouth", "psnr_rest", "seconds"}
USUAL = tuple(name for name in METRICS if name not in INTO_DETAIL)
"""Metrics of a plan that names none; the others look into DPI or at parts of the face, repeat one, or are of the machine."""


@dataclass(frozen=True)
class FaceSource:
    """Where faces come from.

    Attributes:
        folder: of photographs, or of ``.tar`` shards of aligned faces; "bundled" = the examples of this project.
        aligned: are they cut as the prior wants them? If not, the largest face of each is found and cut out.
        held_out: take only those that the models of this project were never trained on.
        large: take only faces that need not be enlarged much to be a truth; of photographs that are not aligned.
        count: how many at most.
        skip: how many of them to leave out first, such as those by which settings were chosen.
    """

    folder: str
    aligned: bool = False
    held_out: bool = False
    large: bool = False
    count: int = 100
    skip: int = 0


@dataclass(frozen=True)
class Plan:
    """What is to be run.

    Attributes:
        title, about: for the report.
        faces: the faces that are restored.
        real: faces that are real, for the distances between sets; None = more of the same folder, up to 400.
        degradations, methods: what is done to them and by what, by name.
        calls: of the prior for every method that does not say its own; None = as many as its preset has.
        seeds: for each of the first `diverse` faces; the others get one.
        batch: how many faces are restored together, and kept or lost together.
        metrics: names of `dpi_core.measure.metric_registry.METRICS`; all but five if none are named.
        against: the method that others are compared with, face by face.
    """

    faces: FaceSource
    degradations: dict[str, Degrading]
    methods: dict[str, Way]
    against: str
    title: str = "Restored faces"
    about: str = ""
    real: FaceSource | None = None
    prior: str = "embedded"
    corrector: str = "embedded"
    device: str = "auto"
    calls: int | None = None
    seeds: int = 2
    diverse: int = MANY
    batch: int = 10
    metrics: tuple[str, ...] = USUAL


KEYS = tuple(field.name for field in fields(Plan))
FACE_KEYS = tuple(field.name for field in fields(FaceSource))


def read_plan(path: Path) -> Plan:
    """Read a plan from a YAML file.

    Raises:
        ValueError: naming the key, the value and what is allowed.
    """
    raw = read_yaml(path)
    checked_keys(raw, KEYS, str(path), ("faces", "degradations", "methods"))
    calls = _whole(raw, "calls", 1, MAX_STEPS)
    methods = _methods(raw["methods"], calls)
    against = text(raw.get("against", next(iter(methods))), "against")
    if against not in methods:
        raise DPIError(f"against is {against!r}; allowed is one of the methods: {', '.join(methods)}.")
    found: dict[str, Any] = {
        "faces": _source(raw["faces"], "faces"),
        "degradations": _degradations(raw["degradations"]),
        "methods": methods,
        "against": against,
        "calls": calls,
        "seeds": _whole(raw, "seeds", 1, 1000),
        "diverse": _whole(raw, "diverse", 0, MANY),
        "batch": _whole(raw, "batch", 1, 10_000),
        "real": _source(raw["real"], "real") if "real" in raw else None,
    }
    found |= {key: text(raw[key], key) for key in ("title", "about", "prior", "corrector", "device") if key in raw}
    if "metrics" in raw:
        found["metrics"] = tuple(checked_metric(text(name, "metrics")) for name in items(raw["metrics"], "metrics"))
    return Plan(**{key: value for key, value in found.items() if value is not None})


def _whole(raw: dict[str, Any], key: str, low: int, high: int) -> int | None:
    if key in raw:
        check_int(key, raw[key], low, high)
    return raw.get(key)


def _source(value: Any, where: str) -> FaceSource:
    raw = mapping(value, where)
    checked_keys(raw, FACE_KEYS, where, ("folder",))
    for key, low in (("count", 1), ("skip", 0)):
        if key in raw:
            check_int(f"{where}.{key}", raw[key], low, MANY)
    for key in ("aligned", "held_out", "large"):
        switch(raw.get(key, False), f"{where}.{key}")
    return FaceSource(**raw | {"folder": text(raw["folder"], f"{where}.folder")})


def _degradations(value: Any) -> dict[str, Degrading]:
    found: dict[str, Degrading] = {}
    for item in items(value, "degradations"):
        name, content = named(item, "degradations")
        if content is None:
            _add(found, name, degradation_of(name), "degradations")
            continue
        parameters = dict(mapping(content, f"degradation {name}"))
        kind = text(parameters.pop("kind", "chain"), f"kind of degradation {name}")
        _add(found, name, make_degradation(kind, parameters), "degradations")
    return found


def _methods(value: Any, calls: int | None) -> dict[str, Way]:
    found: dict[str, Way] = {}
    for item in items(value, "methods"):
        name, content = named(item, "methods")
        for point, way in _ways(name, content, calls):
            _add(found, point, way, "methods")
    return found


def _ways(name: str, content: Any, calls: int | None) -> list[tuple[str, Way]]:
    """Make the method of an entry; where settings are lists, one of every combination."""
    if content is None:
        (way,) = settings_from([name]).values()
        return [(name, replace(way, steps=calls) if calls and calls_of(way) else way)]
    settings = dict(mapping(content, f"method {name}"))
    if "method" in settings:
        checked_keys(settings, ("method", "steps", "spacing"), f"method {name}")
        method = settings.pop("method")
        if method not in NAMES or method == "dpi":
            others = ", ".join(other for other in NAMES if other != "dpi")
            raise DPIError(f"method of {name} is {method!r}; allowed is one of {others}.")
        for field in ("steps", "spacing"):
            if field in settings:
                check_setting(field, settings[field], f"{field} of {name}")
        return [(name, Baseline(method, **{"steps": calls or Baseline(method).steps} | settings))]
    start = find_preset(settings.pop("preset")).config if "preset" in settings else DPIConfig()
    start = replace(start, steps=calls or start.steps)
    listed = [field for field, setting in settings.items() if isinstance(setting, list)]
    points: list[tuple[str, Way]] = []
    for values in product(*(items(settings[field], f"{field} of {name}") for field in listed)):
        chosen = dict(zip(listed, values, strict=True))
        point = ", ".join([name, *(f"{field} {setting}" for field, setting in chosen.items())])
        points.append((point, start.replaced(settings | chosen)))
    return points


def _add(found: dict[str, Any], name: str, value: Any, where: str) -> None:
    if name in found:
        raise DPIError(f"{where} names {name!r} twice; give one of them another name.")
    found[name] = value
