"""A set of intrinsics with handlers for the CPU, as a third party would publish them; `test_intrinsics.py` uses it."""
