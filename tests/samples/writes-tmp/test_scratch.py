"""Plants a fixed path below /tmp: copies that share one /tmp overwrite it for each other, whatever TMPDIR says."""

import os
import time
from pathlib import Path

SCRATCH = Path("/tmp/flaky-sample-writes-tmp.txt")
WORK_SECONDS = 0.2


def test_scratch_file_keeps_what_was_written():
    mine = f"attempt {os.environ.get('ATTEMPT', '?')}, process {os.getpid()}"
    SCRATCH.write_text(mine)
    time.sleep(WORK_SECONDS)
    try:
        assert SCRATCH.read_text() == mine
    finally:
        SCRATCH.unlink(missing_ok=True)
