#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_vitest::Vitest.parse(attempt),
    "report/vitest.json",
    "report/flaky-javascript/1.jsonl",
);
