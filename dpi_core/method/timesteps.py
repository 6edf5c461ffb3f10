"""Which timesteps a run visits and which stage each belongs to. No torch here: the page draws its timeline from this."""

from typing import Literal

from dpi_core.errors import DPIError

Stage = Literal["FCM", "RACM", "guided", "final"]
"""DPI's two, a step of another method, and the last step of any."""

TRAIN_TIMESTEPS = 1000


def timestep_pairs(steps: int, num_timesteps: int = TRAIN_TIMESTEPS, spacing: float = 1.0) -> list[tuple[int, int]]:
    """Spread `steps` timesteps over 0..T-1, ending at 0: (t, t_prev) from noisy to clean; the last t_prev is -1.

    t_i = max(i, floor(T (i / steps)^spacing)). `spacing` 1 spreads them evenly: where `steps` divides T, DDIM's "leading"
    ones (20 steps: 950, 900 .. 0). 2 is DDIM's quadratic choice (Song et al. 2021, appendix D.2): short steps where little
    noise is left (.. 40, 22, 10, 2, 0).

    Raises:
        ValueError: if `steps` is not in 1..T.
    """
    if not 1 <= steps <= num_timesteps:
        raise DPIError(f"steps is {steps}; allowed is 1 to {num_timesteps}, the length of the noise schedule.")
    ts = [max(i, int(num_timesteps * i**spacing / steps**spacing)) for i in reversed(range(steps))]
    return list(zip(ts, [*ts[1:], -1], strict=True))


def stage_of(t: int, t_prev: int, tau: int) -> Stage:
    """Name the stage: FCM while t > tau, RACM after it; the last step (t_prev = -1) returns its clean estimate: "final"."""
    if t_prev < 0:
        return "final"
    return "FCM" if t > tau else "RACM"
