"""The servers under comparison, one file per I/O model. Start with catalog.py, then blocking.py."""
