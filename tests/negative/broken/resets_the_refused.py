"""threads that hang up on a refused client while it still sends: it never reads why."""

from wrapped import Wrapped

from servers import threads


class Curt(Wrapped):
    lingers = False


def serve(listener, new_connection, workers):
    threads.serve(listener, Curt.around(new_connection), workers)
