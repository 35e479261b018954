"""epoll that ends where it stands when it is told to."""

import signal

from servers import epoll_loop


def serve(listener, new_connection, workers):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    epoll_loop.serve(listener, new_connection, workers)
