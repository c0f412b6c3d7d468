"""Networks as routines in process form."""
