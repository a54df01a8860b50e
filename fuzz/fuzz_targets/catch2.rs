#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_catch2::Catch2.parse(attempt),
    "report/report.xml",
    "tree/report.xml",
);
