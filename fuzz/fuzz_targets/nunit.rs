#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_nunit::Nunit.parse(attempt),
    "report/TestResult.xml",
    "tree/TestResult.xml",
);
