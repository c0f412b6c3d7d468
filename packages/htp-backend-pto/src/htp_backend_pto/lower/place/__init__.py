"""Bytes for tiles."""
