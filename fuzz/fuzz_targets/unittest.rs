#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_unittest::Unittest.parse(attempt),
    "report/flaky-unittest/unittest-001.jsonl",
);
