"""Scripts that train the embedded models: ``python -m dpi_core.training.prior --help`` and its neighbours."""
