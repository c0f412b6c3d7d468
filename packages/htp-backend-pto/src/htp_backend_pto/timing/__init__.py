"""The model of time: what an instruction takes, how the pipes of cores run beside each other, and tasks on cores."""
