"""The tests of a report as CSV, by RFC 4180."""

from collections.abc import Iterator

from flaky_plugin_sdk import Delivery, File, Manifest, RenderContext, Report, Reporter


class Plugin(Reporter):
    manifest = Manifest("{{name}}", "0.1.0", "the tests of a report as CSV")

    def render(self, report: Report, context: RenderContext) -> Iterator[Delivery]:
        text = "test,verdict,failures,ran\r\n"
        for test in report.get("tests", []):
            text += f"{cell(test['id'])},{test['verdict']},{test['failures']},{test['ran']}\r\n"
        # An empty path is the file that the user named.
        yield File("", text.encode())


def cell(text: str) -> str:
    """In quotes, which the names of tests cannot end."""
    return '"' + text.replace('"', '""') + '"'
