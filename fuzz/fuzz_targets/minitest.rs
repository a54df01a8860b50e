#![cfg_attr(fuzzing, no_main)]

flaky_fuzz::target!(|attempt| Ok(flaky_plugin_minitest::parse(attempt)),);
