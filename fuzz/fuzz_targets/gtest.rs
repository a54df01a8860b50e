#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_gtest::Gtest.parse(attempt),
    "report/sample.json",
    "report/other.json",
);
