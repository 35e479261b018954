"""python -m lab.probes NAME: run one probe here and print its evidence as one JSON object."""

import json
import sys

from lab.probes import find

if __name__ == "__main__":
    print(json.dumps(find(sys.argv[1]).observe()))
