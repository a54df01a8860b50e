#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_robot::Robot.parse(attempt),
    "report/output.xml",
    "tree/output.xml",
);
