"""The directives of a schedule: what each one does to a workload, and when it may."""
