"""The notes' own server programs, as they stand there; only the port is the kernel's choice."""
