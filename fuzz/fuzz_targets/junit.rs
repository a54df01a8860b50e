#![cfg_attr(fuzzing, no_main)]

flaky_fuzz::target!(|attempt| Ok(flaky_plugin_junit::parse(attempt)), "report/junit.xml", "tree/TEST-a.xml",);
