#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(|attempt| flaky_plugin_cargo_test::CargoTest.parse(attempt), "report/libtest.jsonl",);
