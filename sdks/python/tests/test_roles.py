"""What a plugin's class is asked for."""

import pytest
from flaky_plugin_sdk import (
    Category,
    Evidence,
    JsonObject,
    Manifest,
    ParsedAttempt,
    Parser,
    Plugin,
    PluginError,
    Policy,
    Reporter,
    Severity,
    Verdict,
)
from flaky_plugin_sdk.build import BuildError, role_of
from flaky_plugin_sdk.inputs import Attempt
from flaky_plugin_sdk.roles import roles_of
from flaky_plugin_sdk.testing import configured, evidence


class Low(Policy):
    manifest = Manifest("low", "1.0.0", "everything is LOW")

    def configure(self, settings: JsonObject) -> None:
        if settings.get("share", 0) > 1:
            raise PluginError("invalid-settings", "`share` is more than 1")

    def judge(self, test: Evidence) -> Verdict | None:
        return Verdict(Category.FLAKY, Severity.LOW, f"{test.failures}") if test.failures else None


class Silent(Parser):
    manifest = Manifest("silent", "1.0.0", "reads nothing")

    def parse(self, attempt: Attempt) -> ParsedAttempt:
        return ParsedAttempt()


class Both(Low, Silent):
    pass


class Neither(Plugin):
    manifest = Manifest("neither", "1.0.0", "has no role")


def test_classify_asks_for_each_test_in_order() -> None:
    verdicts = configured(Low).classify([evidence("a", failed=1), evidence("b"), evidence("c", failed=2)])
    assert [v and v.reason for v in verdicts] == ["1", None, "2"]


def test_settings_that_no_schema_can_refuse_are_an_error_of_the_contract() -> None:
    with pytest.raises(PluginError, match="share"):
        configured(Low, {"share": 2})


def test_a_plugin_has_one_role() -> None:
    assert role_of(Low) == "policy" and role_of(Silent) == "parser"
    assert roles_of(Reporter) == ["reporter"]
    with pytest.raises(BuildError, match="roles policy, parser"):
        role_of(Both)
    with pytest.raises(BuildError, match="no role"):
        role_of(Neither)


def test_severities_are_ordered() -> None:
    assert max(Severity.LOW, Severity.CRITICAL, Severity.NONE) is Severity.CRITICAL


def test_evidence_takes_any_field() -> None:
    made = evidence(ran=10, failed=5, failed_in_ci=True, tags=[("a", "b")])
    assert (made.rate, made.failed_in_ci, made.tags, made.counts.passed) == (0.5, True, [("a", "b")], 5)
