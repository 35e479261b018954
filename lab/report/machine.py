"""results.json: the results as canonical bytes, for programs.

Keys sorted, one line per value, UTF-8: equal results are equal bytes, and diff compares two runs.
A number that JSON does not know (infinity, not a number) is refused here, not found by a reader.
"""

import json

from lab.report.model import Results


def render(results: Results) -> str:
    """Write the results as canonical JSON. Raises ValueError on a number that is not finite."""
    content = results.model_dump(mode="json")
    return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"


def parse(text: str) -> Results:
    """Read what `render` wrote. Raises pydantic.ValidationError on anything else."""
    return Results.model_validate_json(text)
