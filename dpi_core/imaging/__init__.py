"""Pictures: read, written, turned into tensors, degraded."""
