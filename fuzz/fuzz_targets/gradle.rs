#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_gradle::Gradle.parse(attempt),
    "tree/build/test-results/test/TEST-a.xml",
);
