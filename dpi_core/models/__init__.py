"""The networks: priors and correctors, and how they run on the device at hand."""
