"""What it takes to make a result again: the settings that every saved PNG and comparison carries, read back.

On the same machine and version the same photo and recipe give the same bits.
"""

import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dpi_core.errors import DPIError
from dpi_core.imaging.pictures import ImageError, read_settings
from dpi_core.method.config import MAX_SEED, DPIConfig, check_int

RECIPE_FILE = "settings.json"
SCALES = (None, 4, 8, 16)


@dataclass(frozen=True)
class Branch:
    """Where seeds part that share their first steps: after `step` of the run of `seed` with the same settings."""

    step: int
    seed: int

    @classmethod
    def from_dict(cls, values: dict[str, Any], steps: int) -> "Branch":
        """From its fields, for a run of so many steps.

        Raises:
            DPIError: if one is missing or not allowed.
        """
        if not isinstance(values, dict) or set(values) != {"step", "seed"}:
            raise DPIError(f"branch is {values!r}; allowed is null, or an object of 'step' and 'seed'.")
        check_int("seed", values["seed"], 0, MAX_SEED)
        return cls(**values).checked(steps)

    def checked(self, steps: int) -> "Branch":
        """The same, unless its step leaves none of so many `steps` to part in, which raises DPIError."""
        check_int("the step of the branch", self.step, 1, steps - 1)
        return self


@dataclass(frozen=True)
class Recipe:
    """The settings of a run over one photo.

    Attributes:
        config: the sampler's settings.
        seeds: one result for each.
        scale: the simulated reduction 4, 8 or 16, or None for the photo as it is.
        aligned: the picture was taken as an aligned face.
        face: index of the face (0 = the largest), several, or "all".
        background: 1 to 4, how much larger the photo became under its faces.
        branch: where the seeds part, or None if each starts from its own noise.
        method: "dpi", or another of `dpi_core.baselines`.
        prior, corrector: names or folders of the models.
    """

    config: DPIConfig = field(default_factory=DPIConfig)
    seeds: tuple[int, ...] = (0,)
    scale: int | None = None
    aligned: bool = False
    face: int | str | tuple[int, ...] = 0
    prior: str = "embedded"
    corrector: str = "embedded"
    background: int = 1
    branch: Branch | None = None
    method: str = "dpi"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """From a result's settings ("seed"), a comparison's ("seeds") or a whole photo's ("faces").

        Raises:
            ValueError: if something is missing or not allowed.
        """
        if not isinstance(values, dict):
            raise DPIError("the settings are no JSON object.")
        if isinstance(values.get("faces"), list) and values["faces"]:
            found = [face["face"] for face in values["faces"] if isinstance(face, dict) and "face" in face]
            chosen = list(dict.fromkeys(found))
            shared = {"background": values.get("background", 1)}
            return cls.from_dict({**values["faces"][0], **shared, "face": chosen if len(chosen) > 1 else found[0]})
        if not isinstance(values.get("config"), dict) or not ("seed" in values or "seeds" in values):
            raise DPIError("the settings have no 'config' with a 'seed' or 'seeds'.")
        seeds = values["seeds"] if "seeds" in values else [values["seed"]]
        if not isinstance(seeds, list) or not seeds:
            raise DPIError(f"seeds is {seeds!r}; allowed is a list of whole numbers.")
        for seed in seeds:
            check_int("seed", seed, 0, MAX_SEED)
        scale, face = values.get("scale"), values.get("face", 0)
        if scale not in SCALES:
            raise DPIError(f"scale is {scale!r}; allowed is 4, 8, 16 or null.")
        for index in face if isinstance(face, list) else [face] if face != "all" else []:
            check_int("face", index, 0, 10_000)
        check_int("background", values.get("background", 1), 1, 4)
        config, branch = DPIConfig.from_dict(values["config"]), values.get("branch")
        return cls(
            config,
            tuple(seeds),
            scale,
            bool(values.get("aligned", False)),
            tuple(face) if isinstance(face, list) else face,
            str(values.get("prior", "embedded")),
            str(values.get("corrector", "embedded")),
            values.get("background", 1),
            None if branch is None else Branch.from_dict(branch, config.steps),
            str(values.get("method", "dpi")),
        )

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` reads."""
        return {**asdict(self), "seeds": list(self.seeds)}


def read_recipe(path: str | Path) -> Recipe:
    """The recipe in a PNG, a ``settings.json`` or a comparison's ZIP that this program saved.

    Raises:
        ImageError: if the file holds none, naming it and what is wrong.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                return Recipe.from_dict(json.loads(archive.read(RECIPE_FILE)))
        if path.suffix.lower() == ".json":
            return Recipe.from_dict(json.loads(path.read_text()))
        return Recipe.from_dict(read_settings(path))
    except ImageError:
        raise
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ImageError(
            f"{path.name}: holds no settings that can be used ({error}). Use a PNG, a {RECIPE_FILE} or a comparison's ZIP "
            "saved by this program."
        ) from error
