"""Settings by what a face is: the preset that was best on faces that were reduced and damaged like it, and why."""

from typing import NamedTuple

from dpi_core.measure.input_damage import Damage, damage_of
from dpi_core.method.config import DPIConfig
from dpi_core.models.presets import find_preset
from dpi_core.restore.records import FaceJob, Preparation

PRESETS: dict[Damage, str] = {"none": "mild", "compressed": "medium", "noisy": "medium", "unknown": "medium"}
REASONS: dict[Damage, str] = {
    "none": "shows no damage",
    "compressed": "was blurred or compressed",
    "noisy": "is noisy",
    "unknown": "has no colour to judge by",
}


class Choice(NamedTuple):
    """The name of a preset, its settings, and in a sentence why."""

    preset: str
    config: DPIConfig
    reason: str

    @property
    def line(self) -> str:
        """Say what was chosen, and why."""
        return f"Auto took {self.preset.capitalize()}: {self.reason}."


def automatic(prepared: Preparation) -> Choice:
    """Choose the settings for a photo's faces: by the largest of those that are restored."""
    job = prepared.jobs[0]
    held = job.low_res.shape[-1]
    damage = damage_of(job.low_res, reduced_by(job))
    name = PRESETS[damage]
    reason = f"the face holds about {held} pixels of detail a side and {REASONS[damage]}"
    return Choice(name, find_preset(name, prepared.request.prior).config, reason)


def reduced_by(job: FaceJob) -> int:
    """Tell by what a face's crop is larger than what it holds: 4, 8 or 16."""
    return round(job.condition.shape[-1] / job.low_res.shape[-1])
