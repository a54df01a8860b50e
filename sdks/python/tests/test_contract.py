"""The SDK's records are those of the bindings that components are made with.

`FLAKY_BINDINGS` names the folder that `componentize-py bindings` wrote for all roles; without it there is nothing to compare.
"""

import dataclasses
import enum
import importlib
import os
import sys
from types import ModuleType

import pytest
from flaky_plugin_sdk import contract

FOLDERS = [path for path in os.environ.get("FLAKY_BINDINGS", "").split(os.pathsep) if path]
RENAMED = {"Comment": "PullRequestComment"}


def bindings() -> list[tuple[str, type]]:
    found: dict[str, type] = {}
    for folder in FOLDERS:
        for name in [name for name in sys.modules if name.split(".")[0] == "wit_world"]:
            del sys.modules[name]
        sys.path.insert(0, folder)
        for module in ["imports.types", "imports.inputs", "exports.parser", "exports.policy", "exports.reporter"]:
            try:
                loaded: ModuleType = importlib.import_module(f"wit_world.{module}")
            except ModuleNotFoundError:
                continue
            for name, value in vars(loaded).items():
                if isinstance(value, type) and value.__module__ == loaded.__name__ and "_" not in name:
                    found[name] = value
        sys.path.remove(folder)
    return sorted(found.items())


@pytest.mark.skipif(not FOLDERS, reason="FLAKY_BINDINGS names no bindings")
def test_records_and_enums_have_the_fields_of_the_contract() -> None:
    compared = []
    for name, binding in bindings():
        ours = getattr(contract, RENAMED.get(name, name), None)
        if ours is None or issubclass(ours, Exception):
            continue
        if issubclass(binding, enum.Enum):
            assert {m.name: m.value for m in binding} == {m.name: m.value for m in ours}, name
        elif dataclasses.is_dataclass(binding):
            assert {f.name for f in dataclasses.fields(binding)} == {f.name for f in dataclasses.fields(ours)}, name
        else:
            continue
        compared.append(name)
    assert {"Evidence", "Verdict", "TestResult", "ParsedAttempt", "Outcome", "Severity", "HttpRequest"} <= {*compared}
