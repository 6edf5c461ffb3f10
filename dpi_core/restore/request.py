"""What is asked of a run, in one record: every saved PNG and comparison carries it, and it makes the result again.

The photo stays beside it, so that it is small, comparable and plain JSON. On the same machine and version the same photo
and request give the same bits.
"""

import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypedDict

from dpi_core.baselines import NAMES
from dpi_core.errors import DPIError
from dpi_core.imaging.pictures import ImageError, read_settings
from dpi_core.method.config import MAX_SEED, DPIConfig, check_int

SETTINGS_FILE = "settings.json"
MOST_SETTINGS = 4 << 20
"""Bytes: the settings of a comparison take thousands."""
SCALES = (4, 8, 16)
MOST_FACES = 10_000
MOST_ENLARGED = 4  # how much larger the photo may become under its faces, a side
PREPARING = ("scale", "aligned", "face", "detector", "include_sharp", "octave")
"""The fields that decide what is sampled."""


@dataclass(frozen=True)
class Branch:
    """Where seeds part that share their first steps: after `step` of the run of `seed` with the same settings."""

    step: int
    seed: int

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Branch":
        """Make one from its fields; raises DPIError if one is missing or another there."""
        if not isinstance(values, dict) or set(values) != {"step", "seed"}:
            raise DPIError(f"branch is {values!r}; allowed is null, or an object of 'step' and 'seed'.")
        return cls(**values)


@dataclass(frozen=True)
class Request:
    """The settings of a run over one photo.

    Attributes:
        config: the sampler's settings.
        seeds: one result for each.
        scale: the simulated reduction 4, 8 or 16, or None for the photo as it is.
        aligned: take the picture as an aligned face.
        face: index of the face (0 = the largest), several, or "all".
        prior, corrector: names or folders of the models.
        detector: "auto", "face-alignment", "yunet" or "embedded".
        include_sharp: "all" takes the sharp faces too.
        background: 1 to 4, how much larger the photo becomes under its faces; 0 = as much as they need to keep what they gain.
        branch: where the seeds part, or None if each starts from its own noise.
        octave: draw the embedded prior's faces at twice its side where they are large in the photo (`dpi_core.models.octave`).
        method: "dpi", or another of `dpi_core.baselines`, which heeds of the config only steps, sparsity and noise level.

    Raises:
        DPIError: naming the field, the value and what is allowed.
    """

    config: DPIConfig = field(default_factory=DPIConfig)
    seeds: tuple[int, ...] = (0,)
    scale: int | None = None
    aligned: bool = False
    face: int | str | tuple[int, ...] = 0
    prior: str = "embedded"
    corrector: str = "embedded"
    detector: str = "auto"
    include_sharp: bool = False
    background: int = 1
    branch: Branch | None = None
    method: str = "dpi"
    octave: bool = True

    def __post_init__(self) -> None:
        # Late: its package loads OpenCV, which a command line's help needs not.
        from dpi_core.faces.face import DETECTORS

        if not isinstance(self.config, DPIConfig):
            raise DPIError(f"config is {self.config!r}; allowed is a DPIConfig.")
        if not isinstance(self.seeds, tuple):
            raise DPIError(f"seeds is {self.seeds!r}; allowed is a list of whole numbers.")
        if not self.seeds:
            raise DPIError("seeds is []; allowed is a list of one whole number or more.")
        for seed in self.seeds:
            check_int("seed", seed, 0, MAX_SEED)
        if len(set(self.seeds)) < len(self.seeds):
            raise DPIError(f"seeds is {list(self.seeds)}; allowed is each seed once.")
        if self.scale is not None and (not isinstance(self.scale, int) or self.scale not in SCALES):
            raise DPIError(f"scale is {self.scale!r}; allowed is one of {SCALES}, or None for the photo as it is.")
        if self.face != "all":
            _check_faces(self.face)
        for name in ("aligned", "include_sharp", "octave"):
            if not isinstance(getattr(self, name), bool):
                raise DPIError(f"{name} is {getattr(self, name)!r}; allowed is True or False.")
        for name in ("prior", "corrector"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise DPIError(f"{name} is {getattr(self, name)!r}; allowed is a name, or a folder.")
        if self.detector not in DETECTORS:
            raise DPIError(f"detector is {self.detector!r}; allowed are {', '.join(DETECTORS)}.")
        if self.method not in NAMES:
            raise DPIError(f"method is {self.method!r}; allowed is {', '.join(NAMES)}.")
        if self.branch is not None and self.method != "dpi":
            raise DPIError(f"method is {self.method!r}, whose seeds cannot part on the way; only those of dpi can.")
        check_int("background", self.background, 0, MOST_ENLARGED)
        if self.branch is not None:
            if not isinstance(self.branch, Branch):
                raise DPIError(f"branch is {self.branch!r}; allowed is None or a Branch.")
            check_int("the step of the branch", self.branch.step, 1, self.config.steps - 1)
            check_int("seed", self.branch.seed, 0, MAX_SEED)

    def replaced(self, values: dict[str, Any]) -> "Request":
        """Replace some fields, given as Python or JSON has them: a config as an object, seeds and faces as any sequence.

        Args:
            values: by field; a config of some fields replaces only those. face None is the largest.

        Raises:
            DPIError: on an unknown name, with those there are, and on a value that is not allowed.
        """
        known = [f.name for f in fields(Request)]
        unknown = [name for name in values if name not in known]
        if unknown:
            raise DPIError(f"a request has no field {unknown[0]!r}; the fields are {', '.join(known)}.")
        values = dict(values)
        if not isinstance(values.get("config", self.config), DPIConfig):
            values["config"] = self.config.replaced(values["config"])
        if "seeds" in values and isinstance(values["seeds"], Iterable) and not isinstance(values["seeds"], str | dict):
            values["seeds"] = tuple(values["seeds"])
        if "face" in values:
            face = values["face"]
            several = isinstance(face, Sequence) and not isinstance(face, str | bytes)
            values["face"] = 0 if face is None else tuple(face) if several else face
        if not isinstance(values.get("branch"), Branch | None):
            values["branch"] = Branch.from_dict(values["branch"])
        return replace(self, **values)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Request":
        """Make one from `to_dict`, a result's settings ("seed"), a comparison's ("seeds") or a whole photo's ("faces").

        What else they hold, such as what was measured, is passed over.

        Raises:
            DPIError: if something is missing or not allowed.
        """
        if not isinstance(values, dict):
            raise DPIError("the settings are no JSON object.")
        if isinstance(faces := values.get("faces"), list) and faces:
            if not all(isinstance(face, dict) and isinstance(face.get("face"), int) for face in faces):
                raise DPIError(
                    "'faces' of the settings holds what is no face's; allowed are objects with an index, 'face'."
                )
            chosen = list(dict.fromkeys(face["face"] for face in faces))
            shared = {name: values[name] for name in ("background",) if name in values}
            first = {**faces[0], **shared, "face": chosen if len(chosen) > 1 else chosen[0]}
            return cls.from_dict({name: value for name, value in first.items() if name != "faces"})
        if not isinstance(values.get("config"), dict) or not ("seed" in values or "seeds" in values):
            raise DPIError("the settings have no 'config' with a 'seed' or 'seeds'.")
        given = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        return cls().replaced({"seeds": [values.get("seed")], **given})

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` reads, ready for JSON."""
        face = list(self.face) if isinstance(self.face, tuple) else self.face
        return {**asdict(self), "seeds": list(self.seeds), "face": face}

    def of_one(self, face: int, seed: int) -> dict[str, Any]:
        """Return the settings of one result, of that face and seed: what `from_dict` reads, with "seed" in place of "seeds"."""
        shared = {name: value for name, value in self.to_dict().items() if name != "seeds"}
        return {**shared, "face": face, "seed": seed}


class Asked(TypedDict, total=False):
    """Fields of a `Request` that `Restorer.restore` takes as keywords, as people write them."""

    seeds: Sequence[int]
    scale: int | None
    aligned: bool
    face: int | str | Sequence[int] | None
    detector: str
    include_sharp: bool
    background: int
    branch: Branch | None
    method: str
    octave: bool


def _check_faces(face: object) -> None:
    indices = face if isinstance(face, tuple) else (face,)
    for index in indices:
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < MOST_FACES:
            raise DPIError(f"face is {index!r}; allowed is an index (0 = the largest), several, 'all' or None.")
    if not indices or len(set(indices)) < len(indices):
        raise DPIError(f"face is {list(indices)}; allowed are several different indices (0 = the largest).")


def read_request(path: str | Path) -> Request:
    """Read the request in a PNG, a ``settings.json`` or a comparison's ZIP that this program saved.

    Raises:
        ImageError: if the file holds none, naming it and what is wrong.
    """
    path = Path(path)
    try:
        if path.suffix.lower() in (".zip", ".json"):
            return Request.from_dict(json.loads(_text_in(path)))
        return Request.from_dict(read_settings(path))
    except ImageError:
        raise
    except (
        Exception
    ) as error:  # an archive or JSON of somebody else's can fail in many ways: RuntimeError, zlib.error ..
        raise ImageError(
            f"{path.name}: holds no settings that can be used ({str(error).rstrip('.')}). Use a PNG, a {SETTINGS_FILE} or "
            "a comparison's ZIP saved by this program."
        ) from error


def _text_in(path: Path) -> bytes:
    """Read a JSON file, or the one in a ZIP, which may unpack to any size, no further than settings can be long."""
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(SETTINGS_FILE) as file:
            text = file.read(MOST_SETTINGS + 1)
    else:
        with path.open("rb") as plain:
            text = plain.read(MOST_SETTINGS + 1)
    if len(text) > MOST_SETTINGS:
        raise DPIError(f"more than {MOST_SETTINGS >> 20} MB")
    return text
