"""A program divided between the orchestration and the two kinds of core."""
