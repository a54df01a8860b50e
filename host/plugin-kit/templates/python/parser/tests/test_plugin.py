import pytest
from flaky_plugin_sdk import Completeness
from flaky_plugin_sdk.testing import attempt, configured

from plugin import Plugin


def test_an_output_that_ends_early_is_not_complete() -> None:
    parsed = configured(Plugin).parse(attempt("PASS sums\nPASS rou"))
    assert (len(parsed.tests), parsed.completeness) == (2, Completeness.TRUNCATED)


@pytest.mark.parametrize("chunk", [1, 2, 7, 4096])
def test_the_pieces_of_the_input_make_no_difference(chunk: int) -> None:
    parsed = configured(Plugin).parse(attempt("FAIL näme: 1 != 2\r\nDONE\n", chunk=chunk))
    assert [test.id for test in parsed.tests] == ["näme"]
