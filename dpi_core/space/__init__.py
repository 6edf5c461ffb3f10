"""The Hugging Face Space: its one description, the check of what must agree with it, and the upload."""
