"""A server whose listener is open before serve() begins: argv is NAME PROTOCOL, Enter begins."""

import sys

from servers.__main__ import load, load_connection
from servers.core.listener import open_listener

listener = open_listener("127.0.0.1", 0, 16)
print(listener.getsockname()[1], flush=True)
sys.stdin.readline()
load(sys.argv[1])(listener, load_connection(sys.argv[2]), 4)
