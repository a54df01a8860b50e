import pytest
from flaky_plugin_sdk import Bounds, Category, Severity
from flaky_plugin_sdk.testing import configured, evidence

from owners import Owners, file_of

SETTINGS = {"codeowners": "* @acme/all\n/tests/pay/ @acme/payments @acme/all\n", "severity": {"@acme/payments": "CRITICAL"}}


def test_the_owner_decides_the_severity() -> None:
    verdict = configured(Owners, SETTINGS).judge(evidence("tests/pay/test_a.py::test_b", failed=1))
    assert verdict is not None
    assert (verdict.severity, verdict.category) == (Severity.CRITICAL, Category.FLAKY)
    assert verdict.tags == [("owner", "@acme/payments"), ("owner", "@acme/all")]


def test_what_surely_fails_is_broken() -> None:
    bounds = Bounds(failure_at_most=1.0, pass_at_most=0.14)
    verdict = configured(Owners, SETTINGS).judge(evidence("tests/pay/a.py::b", failed=20, bounds=bounds))
    assert verdict is not None and verdict.category is Category.BROKEN


def test_tests_of_others_are_left_to_the_next_policy() -> None:
    assert configured(Owners, SETTINGS).judge(evidence("tests/test_a.py::test_b", failed=1)) is None
    low = configured(Owners, SETTINGS | {"otherwise": "LOW"})
    verdict = low.judge(evidence("tests/test_a.py::test_b", failed=1))
    assert verdict is not None and verdict.severity is Severity.LOW


def test_tests_that_never_failed_are_left_to_the_next_policy() -> None:
    assert configured(Owners, SETTINGS).judge(evidence("tests/pay/test_a.py::test_b")) is None


@pytest.mark.parametrize("id", ["tests/a.py::B::c", "tests/a.py > b > c", "tests/a.py"])
def test_ids_begin_with_the_file(id: str) -> None:
    assert file_of(id) == "tests/a.py"
