#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_pytest::Pytest.parse(attempt),
    "report/flaky-pytest/pytest-001.jsonl",
    "report/junit.xml",
    "report/log.jsonl",
    "report/report.json",
);
