"""Settings to start from: data, not code. The published tau belongs to a large prior; the embedded one is small and
drifts when it is left alone that long, so its presets hand over to RACM later."""

from dpi_core.config import DPIConfig

PRESETS: dict[str, tuple[DPIConfig, str]] = {
    "balanced": (DPIConfig(tau=150), "the embedded prior's best trade between sharpness and likeness"),
    "faithful": (DPIConfig(tau=0), "FCM to the end: closest to the input, smoother"),
    "free": (DPIConfig(tau=250, sparsity=4), "a sparser mask and more RACM: more invention, more variety"),
    "published": (DPIConfig(), "the paper's DDIM setting, made for a large 256x256 prior"),
}
DEFAULT_PRESET = "balanced"
