"""What holds for all tests."""

import signal


def pytest_configure():
    """Hear Ctrl-C: a shell's background job ignores SIGINT, and so would all that tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
