"""Other readers of JUnit XML, for `cargo bench -p flaky-tests --bench parsing`, which starts this and asks.

    python3 -m venv V && V/bin/pip install test-results-parser junitparser
    FLAKY_BENCH_PYTHON=V/bin/python cargo bench -p flaky-tests --bench parsing

The file is in memory before it is asked. A line names a reader; the answer is how many cases it found and the CPU seconds of
this process that it took, results ended included.
"""

import sys
import time
from pathlib import Path

import junitparser
import test_results_parser


def codecov(content: bytes) -> int:
    return len(test_results_parser.parse_junit_xml(content).testruns)


def junit_parser(content: bytes) -> int:
    """Every case looked at, as one who wants to know what became of it would."""
    xml = junitparser.JUnitXml.fromstring(content)
    results = [case.result for suite in xml for case in suite]
    return len(results)


def main() -> None:
    readers = {"codecov": codecov, "junitparser": junit_parser}
    content = Path(sys.argv[1]).read_bytes()
    print("ready", flush=True)
    for line in sys.stdin:
        before = time.process_time()
        cases = readers[line.strip()](content)
        print(cases, time.process_time() - before, flush=True)


if __name__ == "__main__":
    main()
