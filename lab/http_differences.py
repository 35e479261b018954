"""Where the parsers of the frameworks differ from the table of lab.http_cases, and how: data.

A framework is here for reference, and its parser is not ours to mend. A row is named here when its
answer is another one even by `lab.conformance.http.freely`; then it is not held against it, and
`lab verify` says so. Some of these are what request smuggling is made of.
"""

from collections.abc import Mapping

Differences = Mapping[str, tuple[str, ...]]  # why → rows

HOSTS = (
    "no host",
    "two hosts",
    "two hosts in 1.0",
    "empty host",
    "host with a user",
    "host with a path",
    "host with a space",
    "host with a wrong port",
    "host with half a number",
)
UVICORN: Differences = {
    "uvicorn takes any Host, or none": HOSTS,
    "uvicorn reads no HTTP behind an upgrade": (
        "upgrade",
        "upgrade with a body",
        "upgrade with chunks",
    ),
    "uvicorn has no such limit, or waits for more": (
        "size that fits and is too much",
        "sizes that are too much together",
        "size with zeros without end",
        "extension too long",
        "trailers too large",
        "target too long",
        "target without end",
        "head too large",
        "head without end",
        "too many fields",
    ),
    "httptools takes what our HTTP refuses": (
        "host in the trailers",
        "close in the trailers",
        "chunked last of two",
        "chunked in 1.0",
        "LF before",
        "two spaces in the request line",
        "two spaces before the version",
        "target with a fragment",
        "target of another scheme",
        "asterisk for get",
        "version 0.9",
        "version 0.9 by name",
        "version of another protocol",
    ),
    "uvicorn takes any expectation": ("unknown expectation", "two expectations"),
    "uvicorn has other targets": ("absolute target without a path", "options of everything"),
    "uvicorn drops the answer before a fault": ("good, then bad",),
}
SANIC: Differences = {
    "Sanic takes any Host, or none": HOSTS,
    "Sanic reads chunks in its own way": (
        "coding in capitals",
        "trailers",
        "size with 0x",
        "size with a space before",
        "size with a space behind",
        "size with zeros without end",
        "CR in an extension",
        "extension too long",
        "chunk longer than its size",
        "chunked in 1.0",
    ),
    "Sanic takes any digits, and spaces it should not": (
        "length in other digits",
        "length with a form feed",
        "length behind a space",
        "chunked behind a space",
        "chunked behind a tab",
        "chunked after a vertical tab",
    ),
    "Sanic takes any byte in a head": (
        "chunked in a field before",
        "chunked behind a CR",
        "LF behind a field",
        "LF before",
        "CR in a value",
        "CR doubled",
        "folded first field",
        "NUL in a value",
        "control byte in a value",
        "DEL in a value",
        "no name",
        "space in a name",
        "space before the colon",
        "parenthesis in a name",
        "byte past ASCII in a name",
        "method with a wrong byte",
    ),
    "Sanic takes no empty line before a request": ("empty line before", "empty line between"),
    "Sanic has other limits, or waits for more": (
        "target of the largest size",
        "head of the largest size",
        "method too long",
        "version 0.9",
        "two expectations",
        "too many fields",
        "TLS",
    ),
    "Sanic has other targets": (
        "absolute target without a path",
        "options of everything",
        "target with a fragment",
        "target of another scheme",
        "asterisk for get",
    ),
    "Sanic breaks, and says so at length, at a target it cannot parse": (
        "absolute target without a host",
        "target without a slash",
        "connect",
    ),
    "Sanic answers what is behind a fault": ("good, then bad",),
}
DJANGO: Differences = {
    **UVICORN,
    "Django waits for the body that it refuses": ("body too large",),
}
DIFFERENCES: Mapping[str, Differences] = {"fastapi": UVICORN, "django": DJANGO, "sanic": SANIC}
