"""Other ways to restore a face with the same prior, to compare DPI with: one file a method, its equations at the top."""

NAMES = ("dpi", "bicubic", "corrector", "ilvr", "repaint", "ddnm", "ddnm+", "ddrm", "diffpir", "dps", "daps")
"""DPI and what it can be compared with: the names in `dpi_core.baselines.by_name`, which loads torch."""
HEEDED = ("steps", "spacing", "sparsity", "noise_level")
"""What the others heed of a `DPIConfig`."""
ONE_CALL = ("bicubic", "corrector")
"""Those that end in one event, whatever the steps."""
