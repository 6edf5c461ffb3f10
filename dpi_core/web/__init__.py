"""The Gradio page and its HTTP endpoints; only this package and ``app.py`` import gradio."""
