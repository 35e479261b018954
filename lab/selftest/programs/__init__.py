"""Servers that only self-tests start, by their dotted names: `python -m servers lab.selftest…`."""
