"""The page's own parts: a template, a style and a script each, whose value is data, and the Gradio component they share."""
