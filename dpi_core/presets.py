"""Settings to start from: data, not code.

The published tau belongs to a large prior. The embedded one is small and drifts when it is left alone that long, so its
presets hand over to RACM later. They also renew the noise at every step (eta 1), because with eta 0 this prior leaves a
fine grid at the mask's frequency in the result; probably what the condition adds to its pixels adds up in eps.
"""

from dpi_core.config import DPIConfig

PRESETS: dict[str, tuple[DPIConfig, str]] = {
    "balanced": (DPIConfig(tau=50, eta=1.0), "made for the embedded prior: likeness with some detail"),
    "faithful": (DPIConfig(tau=0, eta=1.0), "FCM to the end: closest to the input"),
    "free": (DPIConfig(tau=200, eta=1.0), "RACM for longer: more invention, more variety between seeds"),
    "published": (DPIConfig(), "the paper's DDIM setting, made for a large 256x256 prior"),
}
DEFAULT_PRESET = "balanced"
