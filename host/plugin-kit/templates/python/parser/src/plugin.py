"""Reads lines such as `PASS sums` and `FAIL rounding: 1 != 2`; the last line is `DONE`."""

from flaky_plugin_sdk import (
    Attempt,
    Completeness,
    Failure,
    Manifest,
    Outcome,
    ParsedAttempt,
    Parser,
    TestResult,
)


class Plugin(Parser):
    manifest = Manifest("{{name}}", "0.1.0", "reads `PASS NAME` and `FAIL NAME: MESSAGE`")

    def parse(self, attempt: Attempt) -> ParsedAttempt:
        tests = []
        done = False
        for line in attempt.stdout.lines():
            done = done or line.strip() == "DONE"
            if (test := read(line.rstrip())) is not None:
                tests.append(test)
        if not tests:
            # Not ours: the next parser is asked.
            return ParsedAttempt()
        completeness = Completeness.COMPLETE if done else Completeness.TRUNCATED
        return ParsedAttempt("{{name}}", tests, completeness)


def read(line: str) -> TestResult | None:
    word, _, rest = line.partition(" ")
    if not rest:
        return None
    if word == "PASS":
        return TestResult(rest, Outcome.PASSED)
    if word == "FAIL":
        id, colon, message = rest.partition(": ")
        return TestResult(id, Outcome.FAILED, failure=Failure(message=message) if colon else None)
    return None
