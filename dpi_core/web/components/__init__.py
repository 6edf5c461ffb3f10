"""The page's own parts: Gradio components whose value is data, each with its template, style and script beside it."""
