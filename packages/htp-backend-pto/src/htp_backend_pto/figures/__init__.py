"""What is counted in a package: instructions, bytes moved, memory in use, synchronisation; `htp report` shows it."""
