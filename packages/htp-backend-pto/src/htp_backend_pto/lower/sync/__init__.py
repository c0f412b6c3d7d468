"""Order between pipes."""
