"""Scripts that measure: ``python -m dpi_core.evaluation.speed`` and its neighbours print every figure the docs quote."""
