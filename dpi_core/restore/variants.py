"""Variants of one face: runs of (prior, settings, seeds) that share the first steps they have in common.

Comparing seeds is one variant, exploring a grid of them, A/B two. FCM does not know tau, omega nor the edge exponent, and no
step but the last knows the projection. So runs that differ in nothing else are the same, bit for bit, as long as both are in
FCM, and the one goes on where the other's FCM ended. Planning loads no torch: what a plan costs can be told at once.
`dpi_core.restore.variant_runs` carries it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from dpi_core.baselines import HEEDED, ONE_CALL
from dpi_core.method.config import SETTINGS, DPIConfig
from dpi_core.method.timesteps import stage_of, timestep_pairs

if TYPE_CHECKING:
    from dpi_core.method.sampler import StepEvent
    from dpi_core.restore.request import Branch, Request

RACM_ONLY = ("tau", "omega", "edge_exponent")
"""Settings that FCM does not know; tau says where it ends."""
LAST_ONLY = ("project",)
"""Settings that only the last step knows."""
ALWAYS = tuple(name for name in SETTINGS if name not in RACM_ONLY + LAST_ONLY)


@dataclass(frozen=True)
class Variant:
    """One way to restore a face.

    Attributes:
        config: the sampler's settings.
        seeds: one result for each, in one batch.
        prior: the name of the prior.
        branch: where the seeds part, or None if each starts from its own noise.
        method: "dpi", or another of `dpi_core.baselines`, which shares no steps with anything.
    """

    config: DPIConfig
    seeds: tuple[int, ...] = (0,)
    prior: str = "embedded"
    branch: "Branch | None" = None
    method: str = "dpi"

    @classmethod
    def of(cls, request: "Request") -> "Variant":
        """Take what a request says of the way one face is restored."""
        return cls(request.config, request.seeds, request.prior, request.branch, request.method)

    @property
    def steps(self) -> int:
        """Count its steps, of DPI or of another method."""
        return 1 if self.method in ONE_CALL else self.config.steps

    @property
    def heeded(self) -> tuple[str, ...]:
        """The settings that its method heeds."""
        return tuple(SETTINGS) if self.method == "dpi" else HEEDED

    def same(self, other: "Variant") -> bool:
        """Tell whether both make the same pictures, whatever is set that neither heeds."""
        a, b = ((v.method, v.prior, v.seeds, v.branch, [getattr(v.config, f) for f in v.heeded]) for v in (self, other))
        return a == b


@dataclass(frozen=True, eq=False)
class KeptRun:
    """A run of the same face that was kept: its events, from the first on, as many as there are."""

    variant: Variant
    events: "Sequence[StepEvent]"

    def shared(self, variant: Variant) -> int:
        """Count the first steps of `variant` that are kept here."""
        return min(shared_steps(self.variant, variant), len(self.events))


@dataclass(frozen=True)
class PlannedRun:
    """A variant in its plan.

    Attributes:
        place: its place among the variants that were given.
        variant: what is run.
        start: how many first steps it need not run.
        source: the place of the variant that it goes on from; None = from the kept run, or from noise where start is 0.
    """

    place: int
    variant: Variant
    start: int = 0
    source: int | None = None

    @property
    def steps(self) -> int:
        """Count the steps to run, those before a branch too, which are run with one seed and yield nothing."""
        return self.variant.steps - self.start

    @property
    def samples(self) -> int:
        """Count the steps to run, each as often as there are seeds."""
        return self.steps * len(self.variant.seeds)

    @property
    def hidden(self) -> int:
        """Count the first steps of which it yields none, because they are those of another run."""
        return max(self.start, 0 if self.variant.branch is None else self.variant.branch.step)


@dataclass(frozen=True)
class Plan:
    """All runs, in the order in which they share most steps and wait for each other least; and the run kept before."""

    runs: tuple[PlannedRun, ...]
    kept: KeptRun | None = None

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants as they were given."""
        return tuple(run.variant for run in sorted(self.runs, key=lambda run: run.place))

    @property
    def steps(self) -> int:
        """Count the steps to run."""
        return sum(run.steps for run in self.runs)

    @property
    def saved(self) -> int:
        """Count the steps that need not be run, because another run has done them."""
        return sum(run.start for run in self.runs)


def shared_steps(a: Variant, b: Variant) -> int:
    """Count the first steps that two runs have in common, short of the last, which only ends a run; only DPI's can."""
    if _family(a) != _family(b) or a.method != "dpi":
        return 0
    late = [(v.config.omega, v.config.edge_exponent, _fcm_steps(v.config)) for v in (a, b)]
    count = a.config.steps - 1 if late[0] == late[1] else min(fcm for _, _, fcm in late)
    if (a.seeds, a.branch) != (b.seeds, b.branch):  # of one family: the one parts from the other, or both from a third
        count = min(count, *(v.branch.step for v in (a, b) if v.branch is not None))
    return count


def _family(variant: Variant) -> tuple[object, ...]:
    """Say what two runs must agree in to have any step in common; FCM is then the same for both."""
    seeds = variant.seeds if variant.branch is None else (variant.branch.seed,)
    return variant.prior, variant.method, seeds, *(getattr(variant.config, name) for name in ALWAYS)


@lru_cache(maxsize=1024)
def _fcm_steps(config: DPIConfig) -> int:
    pairs = timestep_pairs(config.steps, spacing=config.spacing)
    return [stage_of(t, t_prev, config.tau) for t, t_prev in pairs].count("FCM")


def plan_variants(variants: Sequence[Variant], kept: KeptRun | None = None) -> Plan:
    """Plan runs of one face so that no step is run twice.

    Runs of a family come one after another, the one that leaves FCM first first: so little has to be held for later ones.
    Each goes on from the kept run or from the first that had most of its steps, which is the one that ran the last of these.
    """
    families = list(dict.fromkeys(map(_family, variants)))

    def late(place: int) -> tuple[int | float | bool, ...]:
        variant, config = variants[place], variants[place].config
        fcm = _fcm_steps(config)
        parts = variant.branch is not None  # after the run that it may part from
        return families.index(_family(variant)), parts, fcm, config.omega, config.edge_exponent, config.project

    runs: list[PlannedRun] = []
    for place in sorted(range(len(variants)), key=late):
        variant = variants[place]
        starts = [PlannedRun(place, variant, kept.shared(variant) if kept else 0)]
        for run in runs:
            shared = shared_steps(run.variant, variant)
            starts += [PlannedRun(place, variant, shared, run.place)] if shared > run.hidden else []
        best = max(starts, key=lambda run: run.start)
        if variant.branch is not None and best.start < variant.branch.step:  # it would part too early
            best = PlannedRun(place, variant)
        runs.append(best)
    return Plan(tuple(runs), kept)
