"""Plants a flood: FLOOD_BYTES (default: a gigabyte) on stdout, in numbered lines, then success."""

import os
import sys

LINES_AT_ONCE = 1000


def flood(total: int) -> None:
    out = sys.stdout.buffer
    written = number = 0
    while written < total:
        lines = b"".join(b"line %012d %s\n" % (number + i, b"=" * 80) for i in range(LINES_AT_ONCE))
        out.write(lines[: total - written])
        written += len(lines)
        number += LINES_AT_ONCE
    out.flush()


def wanted() -> int:
    return int(os.environ.get("FLOOD_BYTES", "1000000000"))


if __name__ == "__main__":
    flood(wanted())
