"""Settings by what a face is: those that were best on faces that were reduced and damaged like it, and why."""

from typing import NamedTuple

from dpi_core.measure.input_damage import Damage, damage_of
from dpi_core.method.config import DPIConfig
from dpi_core.models.presets import FITTED_TAU, fitted
from dpi_core.restore.records import Preparation

REASONS: dict[Damage, str] = {
    "none": "no damage seen: kept to exactly",
    "compressed": "blurred or compressed: mended first",
    "noisy": "noisy: mended first",
    "unknown": "no colour to judge by: mended first",
}
SOFT = "soft for its size: mended first"
SMALL = "no damage seen, but small in the photo, which blurs: mended first"


class Choice(NamedTuple):
    """Settings, and in a sentence why; `asked`: what in them was asked for instead, in words."""

    config: DPIConfig
    reason: str
    asked: str = ""

    @property
    def line(self) -> str:
        """Say what is used, and why."""
        but = f", but {self.asked} as asked" if self.asked else ""
        return f"Auto, tau {self.config.tau}: {self.reason}{but}."


def automatic(prepared: Preparation) -> Choice:
    """Choose the settings for a photo's faces: by the largest of those that are restored.

    A photo makes a face small by a lens and its own reduction, which blur more than a simulated one: only what holds half the
    prior's side is kept to exactly there.
    """
    job = prepared.jobs[0]
    held = job.low_res.shape[-1]
    reduced = min(FITTED_TAU, key=lambda scale: abs(scale - job.condition.shape[-1] / held))
    seen = SOFT if job.soft else REASONS[damage_of(job.low_res, reduced)]
    if seen == REASONS["none"] and prepared.scale is None and reduced > 2:
        seen = SMALL
    reason = f"about {held} pixels of detail a side, {seen}"
    return Choice(fitted(reduced, seen != REASONS["none"], prepared.request.prior), reason)
