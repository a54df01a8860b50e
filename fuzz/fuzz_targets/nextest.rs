#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_nextest::Nextest.parse(attempt),
    "report/flaky-nextest/nextest.xml",
    "report/nextest.jsonl",
);
