"""Packages for pto-runtime made callable: on the host stand-in, on the real simulator, on a device."""
