"""What is spoken, without I/O: bytes in, bytes out. The same objects under every I/O model."""
