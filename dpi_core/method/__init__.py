"""The paper: DPI and the arithmetic under it. Knows no files, no pages, no weights."""
