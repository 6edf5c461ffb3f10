"""The subcommands of ``python -m dpi_core``, one module each, and what they share."""
