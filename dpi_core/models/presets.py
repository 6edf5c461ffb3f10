"""Settings to start from: data, not code. One table a size of prior, one row a strength of the damage.

The published setting drifts with a small prior. The embedded one's rows agree with the input at every step instead: "mild"
with the input itself, "medium" and "heavy" with what the corrector makes of it, or its damage would stay. Fresh noise and
steps that shorten keep grain and scratches out. The longer RACM is, the more detail is drawn and the more seeds differ: least
in "mild", most in "heavy". "fine" is "medium" with more steps.
Figures of each in ``docs/figures.md``, with the command.
"""

from dataclasses import replace
from typing import NamedTuple

from dpi_core.errors import DPIError
from dpi_core.method.config import DPIConfig
from dpi_core.weights.known import known_of


class Preset(NamedTuple):
    """Settings, and a line on what they are for."""

    config: DPIConfig
    about: str


SMALL, LARGE = 128, 256
AGREEING = DPIConfig(eta=0.85, consistent_below=1000, spacing=1.5)
TABLES: dict[int, dict[str, Preset]] = {  # side of the prior in pixels -> name -> settings
    SMALL: {
        "mild": Preset(
            replace(AGREEING, tau=200),
            "for a small but clean input, which it agrees with exactly: likeness before detail; noise would stay",
        ),
        "medium": Preset(
            replace(AGREEING, correct_input=True),
            "likeness with detail: agrees at every step with what the corrector makes of the input",
        ),
        "heavy": Preset(
            replace(AGREEING, tau=450, correct_input=True),
            "for a badly damaged input: RACM for longer, more invention and variety",
        ),
        "fine": Preset(
            replace(AGREEING, steps=60, correct_input=True),
            "medium in shorter steps: closer and crisper, in three times the time",
        ),
        "published": Preset(DPIConfig(), "the paper's DDIM setting, made for a large 256x256 prior"),
    },
    LARGE: {
        "mild": Preset(DPIConfig(tau=200), "for a small but clean input: RACM late, closer to it"),
        "medium": Preset(DPIConfig(), "the paper's DDIM setting"),
        "heavy": Preset(DPIConfig(tau=500), "for a badly damaged input: RACM for longer, more invention and variety"),
        "fine": Preset(DPIConfig(steps=60), "the paper's setting with three times the steps, in three times the time"),
    },
}
FITTED_TAU = {2: 200, 4: 200, 8: 350, 16: 350}
"""What is left to draw, by how far the input's detail was reduced, decides how long RACM is: `fitted`."""
ALIASES = {"faithful": "mild", "balanced": "medium", "free": "heavy", "published": "medium"}
"""Other names of a row, where a table has no row of that name."""
AUTOMATIC = "auto"
"""The name that stands for what `dpi_core.restore.automatic` chooses once a face is known."""
DEFAULT_PRESET = "medium"
"""The row to start with where no face is known yet."""
VARIETY_PRESET = "heavy"
"""The row whose seeds differ most."""


def presets_for(prior: str) -> dict[str, Preset]:
    """Return the table for a prior by its name, by what a folder says of itself, or else for a large one."""
    return TABLES[SMALL if side_of(prior) <= SMALL else LARGE]


def find_preset(name: str, prior: str = "embedded") -> Preset:
    """Find the row of a name or an alias in the table for `prior`.

    Raises:
        ValueError: if there is none, naming those there are.
    """
    table = presets_for(prior)
    row = name if name in table else ALIASES.get(name, name)
    if row not in table:
        raise DPIError(f"preset is {name!r}; allowed is one of {', '.join(NAMES)}.")
    return table[row]


def fitted(reduced: int, damaged: bool, prior: str) -> DPIConfig:
    """Return the settings for an input that was reduced by `reduced` (2, 4, 8 or 16), and damaged or not.

    An undamaged input is agreed with as it is, a damaged one as the corrector mends it. Large priors have no such settings:
    "mild" or "medium".
    """
    table = presets_for(prior)
    base = table["medium"].config
    if table is not TABLES[SMALL]:
        return table["mild"].config if reduced <= 4 and not damaged else base
    return replace(base, tau=FITTED_TAU[reduced], correct_input=damaged)


def name_of(config: DPIConfig, table: dict[str, Preset]) -> str | None:
    """Return the first name in `table` that stands for exactly these settings."""
    return next((name for name, preset in table.items() if preset.config == config), None)


def side_of(prior: str) -> int:
    """Tell the side of a prior's pictures in pixels, as far as its name or folder tells before it is loaded; 256 where not."""
    return known_of(prior).image_size


NAMES = tuple(dict.fromkeys([*TABLES[SMALL], *ALIASES]))
PRESETS: dict[str, Preset] = {name: find_preset(name) for name in NAMES}
"""The embedded prior's, by every name."""
