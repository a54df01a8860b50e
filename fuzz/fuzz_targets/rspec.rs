#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_rspec::Rspec.parse(attempt),
    "report/flaky-rspec/1.jsonl",
    "report/rspec.json",
);
