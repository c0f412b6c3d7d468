"""Passes of core that bring a tile program into normal form; targets go on from there."""
