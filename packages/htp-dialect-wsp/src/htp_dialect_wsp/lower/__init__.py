"""From workloads in nested form to routines in task form."""
