from flaky_plugin_sdk import FailureGroup, Severity
from flaky_plugin_sdk.testing import configured, evidence

from plugin import Plugin

AWAY = FailureGroup("a" * 16, 3, "OperationalError", "could not connect to server: Connection refused")


def test_words_are_found_whatever_their_case() -> None:
    verdict = configured(Plugin).judge(evidence(failed=3, groups=[AWAY]))
    assert verdict is not None and verdict.severity is Severity.LOW


def test_other_failures_are_left_to_the_next_policy() -> None:
    assert configured(Plugin).judge(evidence(failed=3)) is None


def test_words_can_be_set() -> None:
    assert configured(Plugin, {"words": ["quota"]}).judge(evidence(failed=3, groups=[AWAY])) is None
