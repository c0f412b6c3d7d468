"""Instructions for tile operations."""
