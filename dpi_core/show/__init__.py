"""Results as pictures, films and bundles."""
