"""The turns of a loop that a schedule binds to workers, as the blocks of one task."""
