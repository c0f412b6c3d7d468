"""Tiles with two dimensions and a room of constant size."""
