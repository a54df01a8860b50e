"""Inputs read the same in pieces of any size, and are bounded."""

import pytest
from flaky_plugin_sdk import PluginError, ReportFile, Stderr, TreeFile
from flaky_plugin_sdk.inputs import LONGEST_LINE, Blob, Memory
from flaky_plugin_sdk.testing import attempt

TEXTS = {
    "empty": (b"", []),
    "no end": (b"a", ["a"]),
    "unix": (b"a\nb\n", ["a", "b"]),
    "windows": (b"a\r\nb\r\n", ["a", "b"]),
    "empty lines": (b"\n\na\n", ["", "", "a"]),
    "no UTF-8": (b"a\xffb\n", ["a\ufffdb"]),
    "NUL and colours": (b"\x00\x1b[31mred\n", ["\x00\x1b[31mred"]),
    "characters of several bytes": ("näme €\n".encode(), ["näme €"]),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 1000])
def test_lines_are_the_same_in_any_pieces(name: str, chunk: int) -> None:
    content, lines = TEXTS[name]
    assert list(Blob(Memory(content, chunk=chunk)).lines()) == lines


@pytest.mark.parametrize("chunk", [1000, LONGEST_LINE * 3])
def test_a_line_without_an_end_does_not_fill_the_memory(chunk: int) -> None:
    blob = Blob(Memory(b"x" * (LONGEST_LINE + 5000) + b"\nnext\n", chunk=chunk))
    first, second = blob.lines()
    assert (len(first), second) == (LONGEST_LINE, "next")


def test_what_is_too_large_is_an_error_of_the_contract() -> None:
    with pytest.raises(PluginError) as error:
        Blob(Memory(b"12345")).text(most=4)
    assert error.value.code == "input-too-large"


@pytest.mark.parametrize("text", ["{", "[" * 100_000])
def test_what_is_no_json_is_an_error_of_the_contract(text: str) -> None:
    with pytest.raises(PluginError) as error:
        Blob(Memory(text.encode())).json()
    assert error.value.code == "invalid-json"


def test_an_attempt_gives_what_it_has() -> None:
    made = attempt("out", "err", reports={"junit.xml": "<a/>"}, tree_files={"build/b.xml": b"<b/>"}, cut=(1, 9))
    assert made.stdout.cut == (1, 9) and made.stderr.cut is None
    assert [(path, blob.text()) for path, blob in made.reports()] == [("junit.xml", "<a/>")]
    assert [(path, blob.text()) for path, blob in made.tree_files()] == [("build/b.xml", "<b/>")]
    assert made.open(ReportFile("other.xml")) is None and made.open(TreeFile("junit.xml")) is None
    stderr = made.open(Stderr())
    assert stderr is not None and stderr.text() == "err"
