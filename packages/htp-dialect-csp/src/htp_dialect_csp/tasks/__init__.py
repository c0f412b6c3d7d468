"""Networks as routines whose calls of kernels are tasks."""
