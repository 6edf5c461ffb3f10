"""Experiments over many images, degradations and methods: from a YAML plan to rows in SQLite and an HTML report."""
