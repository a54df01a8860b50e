#![cfg_attr(fuzzing, no_main)]

flaky_fuzz::target!(|attempt| Ok(flaky_plugin_teamcity::parse(attempt)), "report/teamcity.log",);
