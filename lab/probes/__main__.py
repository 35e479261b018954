"""python -m lab.probes NAME: run one probe here and print its evidence as one JSON object."""

import json
import sys
from contextlib import redirect_stdout

from lab.probes import SKIPPED, Absent, find, write

if __name__ == "__main__":
    with redirect_stdout(sys.stderr):  # the notes' programs print; the evidence stands alone
        try:
            evidence = write(find(sys.argv[1]).observe())
        except Absent as missing:
            evidence = {SKIPPED: str(missing)}
    print(json.dumps(evidence))
