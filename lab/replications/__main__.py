"""python -m lab.replications NAME: run one program here, print its table as one JSON object."""

import json
import sys
from contextlib import redirect_stdout

from lab.replications import Absent, find

if __name__ == "__main__":
    with redirect_stdout(sys.stderr):
        program = find(sys.argv[1])
        try:
            table = program.measure()
            told: dict[str, str] = getattr(program, "told", dict)()
            said = {"unit": program.UNIT, "table": table, "told": told}
        except Absent as missing:
            said = {"skipped": str(missing)}
    print(json.dumps(said))
