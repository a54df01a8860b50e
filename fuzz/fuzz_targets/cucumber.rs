#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_cucumber::Cucumber.parse(attempt),
    "report/cucumber.json",
    "report/cucumber.ndjson",
);
