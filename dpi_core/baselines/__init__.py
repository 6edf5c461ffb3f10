"""Other ways to restore a face with the same prior, to compare DPI with: one file a method, its equations at the top."""
