#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_maven::Maven.parse(attempt),
    "tree/target/surefire-reports/TEST-a.xml",
);
