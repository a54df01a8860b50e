#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(|attempt| flaky_plugin_trx::Trx.parse(attempt), "report/run.trx", "report/other.trx",);
