"""An HTP pass: a logistic function written out becomes `tile.sigmoid` and `tile.silu`."""
