"""select that goes under the name of epoll: every answer is right, and the wait is another one."""

from servers import select_loop

serve = select_loop.serve
