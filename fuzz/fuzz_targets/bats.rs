#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(|attempt| flaky_plugin_bats::Bats.parse(attempt), "report/flaky-bats/report.tap",);
