"""Prints how readers from PyPI colour the tests of a JUnit XML file, as JSON: {reader: {name: colour}}.

With a second argument, a checkout of EnricoMi/publish-unit-test-result-action, its own parser reads the file too.
"""

import json
import sys
from pathlib import Path

import junitparser
import xunitparser


def with_junitparser(path: str) -> dict[str, str]:
    colours = {}
    for suite in junitparser.JUnitXml.fromfile(path):
        for case in suite:
            red = case.is_failure or case.is_error
            colours[case.name] = "red" if red else "yellow" if case.is_skipped else "green"
    return colours


def with_xunitparser(path: str) -> dict[str, str]:
    with open(path, encoding="utf-8") as file:
        suite, _ = xunitparser.parse(file)
    colour = {"success": "green", "skipped": "yellow", "failure": "red", "error": "red"}
    return {case.methodname: colour[case.result] for case in suite}


def with_enricomi(path: str, checkout: str) -> dict[str, str]:
    sys.path.insert(0, str(Path(checkout) / "python"))
    from publish.junit import parse_junit_xml_files, process_junit_xml_elems

    parsed = process_junit_xml_elems(parse_junit_xml_files([path], False, False))
    assert not parsed.errors, parsed.errors
    colour = {"success": "green", "skipped": "yellow", "failure": "red", "error": "red"}
    return {case.test_name: colour[case.result] for case in parsed.cases}


def main() -> None:
    path, *checkout = sys.argv[1:]
    readers = {"junitparser": with_junitparser(path), "xunitparser": with_xunitparser(path)}
    if checkout:
        readers["EnricoMi/publish-unit-test-result-action"] = with_enricomi(path, checkout[0])
    json.dump(readers, sys.stdout)


main()
