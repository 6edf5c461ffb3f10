"""Settings to start from: data, not code.

The published tau belongs to a large prior. The embedded one is small and drifts when it is left alone that long, so its
presets hand over to RACM later. Their eta lies between 0, which keeps the most detail and a trace of the mask's grid, and
1, which has no grid and smooths more (``python -m dpi_core.evaluation.sweep`` prints both).
"""

from dpi_core.config import DPIConfig

PRESETS: dict[str, tuple[DPIConfig, str]] = {
    "balanced": (DPIConfig(tau=100, eta=0.5), "made for the embedded prior: likeness with some detail"),
    "faithful": (
        DPIConfig(tau=0, eta=0.5, project=True),
        "for a small but clean input, which it agrees with exactly; noise would stay",
    ),
    "free": (DPIConfig(tau=250, eta=0.5), "RACM for longer: more invention, more variety between seeds"),
    "published": (DPIConfig(), "the paper's DDIM setting, made for a large 256x256 prior"),
}
DEFAULT_PRESET = "balanced"
