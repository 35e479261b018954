"""Histograms in the format of HdrHistogram: V2 payloads, and the lines of its interval log. Pure.

The lab's histogram has the layout of an HdrHistogram of three significant digits and a lowest value
of 1 (`loadtests.engine.histogram`: 2048 values of their own, then 1024 buckets a doubling), so a
bucket keeps its index and no value moves: what is read back is what was counted, to the bucket.

Source: github.com/HdrHistogram/HdrHistogram, AbstractHistogram.encodeIntoByteBuffer (V2),
ZigZagEncoding, HistogramLogWriter (format 1.3).
"""

import base64
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from loadtests.engine.histogram import Histogram

DIGITS = 3  # significant
LOWEST = 1  # ns
HIGHEST = 3_600_000_000_000  # ns: an hour, as HdrHistogram's own examples; more where need be
COOKIE = 0x1C849303 | 0x10  # V2; the 1 says: counts are ZigZag LEB128
COMPRESSED_COOKIE = 0x1C849304 | 0x10
HEADER = struct.Struct(">iiiiqqd")  # cookie, length, offset, digits, lowest, highest, ratio
LAST_SHIFT = 56  # the ninth byte holds the eight bits from there on, without a mark
MS = 1_000_000  # ns: Interval_Max is in milliseconds
VERSION = "1.3"
LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def zigzag(value: int) -> bytes:
    """LEB128 of 64 bits in at most nine bytes; small negative numbers are short, too."""
    rest = (value << 1) ^ (value >> 63)
    rest &= (1 << 64) - 1
    out = bytearray()
    shift = 0
    while shift < LAST_SHIFT and rest >> 7:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
        shift += 7
    out.append(rest)
    return bytes(out)


def counts(histogram: Histogram) -> bytes:
    """All counts by index up to the last one; a run of n empty buckets is -n."""
    out = bytearray()
    upto = 0
    for index, times in sorted(histogram.buckets.items()):
        if times:
            out += zigzag(upto - index) if index > upto else b""
            out += zigzag(times)
            upto = index + 1
    return bytes(out)


def encode(histogram: Histogram) -> str:
    """Base64 of the compressed V2 encoding. Values are ns."""
    payload = counts(histogram)
    highest = max(HIGHEST, 1 << histogram.max.bit_length())
    head = HEADER.pack(COOKIE, len(payload), 0, DIGITS, LOWEST, highest, 1.0)
    packed = zlib.compress(head + payload)
    return base64.b64encode(struct.pack(">ii", COMPRESSED_COOKIE, len(packed)) + packed).decode()


@dataclass(frozen=True)
class Interval:
    """One line of a log. start: seconds since the log's base time. tag: without comma or space."""

    tag: str
    start: float
    seconds: float
    histogram: Histogram


def tag(*parts: str) -> str:
    """Join what a line is of: the format has no way to quote a comma, a space or a line's end."""
    return ":".join("_".join(part.replace(",", ";").split()) for part in parts)


def log(base: float, comments: list[str], intervals: list[Interval]) -> Iterator[str]:
    """Yield the lines of a log. base: unix time, which is also the start."""
    when = datetime.fromtimestamp(base, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
    yield f"#[Histogram log format version {VERSION}]"
    yield f"#[StartTime: {base:.3f} (seconds since epoch), {when}]"
    yield f"#[BaseTime: {base:.3f} (seconds since epoch)]"
    for comment in comments:
        yield f"#[{' '.join(comment.split())}]"
    yield LEGEND
    for one in sorted(intervals, key=lambda one: one.start):
        most = one.histogram.max / MS
        times = f"{one.start:.3f},{one.seconds:.3f},{most:.3f}"
        yield f"Tag={one.tag},{times},{encode(one.histogram)}"
