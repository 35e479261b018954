"""python -m bench.engine: the load engine as it is, with one protocol more."""

from bench.fixed_http import client
from loadtests.engine.__main__ import main
from loadtests.engine.clients import CLIENTS

if __name__ == "__main__":
    CLIENTS["bench-http"] = client
    main()
