"""What can be done with programs and packages: replay, verify, compare, explain, doctor."""
