"""Figures of results: likeness, agreement, detail, how far seeds lie apart."""
