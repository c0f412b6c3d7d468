"""Networks of a cube process and a vector process as one task for a cluster of cores."""
