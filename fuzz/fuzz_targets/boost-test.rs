#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_boost_test::BoostTest.parse(attempt),
    "report/report.xml",
    "report/log.xml",
);
