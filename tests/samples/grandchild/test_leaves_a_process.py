"""Plants a grandchild that outlives its parent in a session of its own, and then a test that never ends.

The grandchild carries GRANDCHILD_MARK (default: `grandchild-mark`) as its last argument, so that a test can look
for it among all processes.
"""

import os
import subprocess
import sys
import time

SECONDS = 1000
SLEEPER = f"import time; time.sleep({SECONDS})"
# Starts the sleeper and ends at once: nobody is left who knows the sleeper's number.
PARENT = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]], start_new_session=True)
"""


def test_first_passes():
    assert True


def test_never_ends():
    mark = os.environ.get("GRANDCHILD_MARK", "grandchild-mark")
    subprocess.run([sys.executable, "-c", PARENT, SLEEPER, mark], check=True)
    time.sleep(SECONDS)
