#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_ctest::Ctest.parse(attempt),
    "tree/build/Testing/20261129-1057/Test.xml",
    "tree/build/Testing/Temporary/LastTest.log",
);
