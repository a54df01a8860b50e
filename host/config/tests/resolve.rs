//! Flags over job over file over defaults, and what an untrusted file may not ask for.

#![expect(clippy::unwrap_used, reason = "what tests share may fail the test")]

use std::path::{Path, PathBuf};

use flaky_config::{
    AskedBy, ConfigFile, EnvName, EnvValue, FlagSettings, Origin, PluginAddress, RunSettings, SeedChoice,
    SettingsError, Trust, job, parse,
};
use flaky_core::ids::{Seed, TestId};
use flaky_core::settings::{
    BackendKind, FailOn, IsolationChoice, NetworkChoice, SeedRange, StopRule, defaults,
};

fn file(text: &str) -> ConfigFile {
    parse(Path::new("project/.flaky-detector.yml"), text.as_bytes()).unwrap()
}

fn trusted(flags: FlagSettings, job: &str, text: &str) -> Result<RunSettings, SettingsError> {
    let job = (!job.is_empty()).then(|| {
        let json = format!(r#"{{"repo": "r", "test_command": "job command"{job}}}"#);
        job::parse(json.as_bytes()).unwrap()
    });
    RunSettings::resolve(flags, job, Some(file(text)), Trust::Trusted)
}

#[test]
fn without_anything_the_originals_defaults_hold() {
    let settings = RunSettings::resolve(FlagSettings::default(), None, None, Trust::Trusted).unwrap();
    assert_eq!((settings.runs.value, settings.runs.origin), (defaults::RUNS, Origin::Default));
    assert_eq!(settings.parallelism.value.get(), 4);
    assert_eq!(settings.timeout.value.get(), 300);
    assert_eq!(settings.install_timeout.value.get(), 300);
    assert_eq!(settings.test_command, None);
    let range = SeedRange { min: 1, max: 1_000_000 };
    assert_eq!(settings.seeds.value, SeedChoice::Drawn { master: None, range });
    assert_eq!(settings.severity.value, defaults::SEVERITY);
    assert_eq!((settings.stable_below.value, settings.broken_below.value), (0.20, 0.20));
    assert_eq!(settings.isolation.value, IsolationChoice::Auto);
    assert_eq!(settings.network.value, NetworkChoice::Auto);
    assert_eq!(settings.fail_on.value, FailOn::Flaky);
    assert!(settings.auto_install.value);
    assert!(settings.env.is_empty() && settings.plugins.is_empty() && settings.ignored.is_empty());
    assert!(settings.ignore.value.patterns().is_empty());
}

#[test]
fn the_nearest_layer_that_says_something_wins() {
    let text = "runs: 3\nparallelism: 3\ntimeout: 3\ntest_command: file command\n";
    let job = r#", "runs": 2, "parallelism": 2"#;
    let flags = FlagSettings { runs: Some("1".parse().unwrap()), ..FlagSettings::default() };
    for (flags, job, text, expected) in [
        (flags.clone(), job, text, [(1, Origin::Flag), (2, Origin::Job), (3, Origin::File)]),
        (FlagSettings::default(), job, text, [(2, Origin::Job), (2, Origin::Job), (3, Origin::File)]),
        (FlagSettings::default(), "", text, [(3, Origin::File), (3, Origin::File), (3, Origin::File)]),
        (flags, "", "", [(1, Origin::Flag), (4, Origin::Default), (300, Origin::Default)]),
    ] {
        let settings = trusted(flags, job, text).unwrap();
        let got = [
            (settings.runs.value.get(), settings.runs.origin),
            (settings.parallelism.value.get(), settings.parallelism.origin),
            (settings.timeout.value.get(), settings.timeout.origin),
        ];
        assert_eq!(got, expected, "{job} {text}");
    }
}

#[test]
fn the_test_command_comes_from_flag_then_job_then_file() {
    let text = "test_command: file command\n";
    let command = |flags: FlagSettings, job: &str| {
        let command = trusted(flags, job, text).unwrap().test_command.unwrap();
        (command.value.to_string(), command.origin)
    };
    let flags =
        FlagSettings { test_command: Some("flag command".parse().unwrap()), ..FlagSettings::default() };
    assert_eq!(command(flags, r#", "runs": 1"#), ("flag command".to_owned(), Origin::Flag));
    assert_eq!(command(FlagSettings::default(), r#", "runs": 1"#), ("job command".to_owned(), Origin::Job));
    assert_eq!(command(FlagSettings::default(), ""), ("file command".to_owned(), Origin::File));
}

#[test]
fn seeds_are_counted_or_drawn() {
    let choice = |flags: FlagSettings, job: &str, text: &str| {
        trusted(flags, job, text).map(|settings| (settings.seeds.value, settings.seeds.origin))
    };
    let range = SeedRange { min: 5, max: 50 };
    let text = "random_seed_range: {min: 5, max: 50}\n";
    let seed = |seed| FlagSettings { seed: Some(seed), ..FlagSettings::default() };
    let first = |first| FlagSettings { first_seed: Some(first), ..FlagSettings::default() };
    let drawn = |master| SeedChoice::Drawn { master, range };
    assert_eq!(choice(FlagSettings::default(), "", text), Ok((drawn(None), Origin::File)));
    assert_eq!(choice(FlagSettings::default(), r#", "seed": 8"#, text), Ok((drawn(Some(8)), Origin::Job)));
    assert_eq!(choice(seed(9), r#", "seed": 8"#, text), Ok((drawn(Some(9)), Origin::Flag)));
    assert_eq!(choice(first(1), r#", "seed": 8"#, text), Ok((SeedChoice::First(Seed(1)), Origin::Flag)));
}

#[test]
fn seed_settings_that_cannot_work_are_refused() {
    let said = |flags: FlagSettings, text: &str| {
        let error = trusted(flags, "", text).unwrap_err();
        (error.to_string(), error.hint())
    };
    let both = FlagSettings { seed: Some(1), first_seed: Some(1), ..FlagSettings::default() };
    assert_eq!(said(both, "").0, "`--seed` and `--first-seed` both decide the seeds: give one of them");
    let (message, hint) =
        said(FlagSettings::default(), "runs: 100\nrandom_seed_range:\n  min: 1\n  max: 99\n");
    assert_eq!(
        message,
        "project/.flaky-detector.yml:2:1: `random_seed_range`: the 99 seeds from `1` to `99` are too few for 100 runs \
         without repeats"
    );
    assert_eq!(hint.as_deref(), Some("set `max` to at least `100`, or make fewer runs"));
    let last = |first_seed| FlagSettings { first_seed: Some(first_seed), ..FlagSettings::default() };
    assert!(trusted(last(u64::MAX - 9), "", "runs: 10\n").is_ok());
    assert!(said(last(u64::MAX - 8), "runs: 10\n").0.contains("leaves no room for 10 seeds"));
    assert!(
        trusted(FlagSettings::default(), "", "runs: 100\nrandom_seed_range: {min: 1, max: 100}\n").is_ok()
    );
    // Counted seeds do not come from the range.
    assert!(trusted(last(1), "", "runs: 100\nrandom_seed_range: {min: 1, max: 2}\n").is_ok());
}

#[test]
fn severities_keep_their_defaults_where_the_file_is_silent() {
    let settings = trusted(FlagSettings::default(), "", "severity_thresholds:\n  medium: 0.05\n").unwrap();
    let mut expected = defaults::SEVERITY;
    expected.medium = 0.05;
    assert_eq!((settings.severity.value, settings.severity.origin), (expected, Origin::File));
}

#[test]
fn variables_are_put_together_and_the_nearest_layer_wins() {
    let flags = FlagSettings {
        env: [(EnvName::try_from("C".to_owned()).unwrap(), EnvValue::try_from("flag".to_owned()).unwrap())]
            .into_iter()
            .collect(),
        ..FlagSettings::default()
    };
    let job = r#", "env": {"B": "job", "C": "job"}"#;
    let settings =
        trusted(flags, job, "env: {A: 010, B: file, C: file, D: yes, E: \"\", LD_PRELOAD: x}\n").unwrap();
    let env: Vec<_> = settings.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        env,
        [("A", "010"), ("B", "job"), ("C", "flag"), ("D", "yes"), ("E", ""), ("LD_PRELOAD", "x")]
    );
    let other_name = trusted(FlagSettings::default(), "", "environment: {A: x}\n").unwrap();
    assert_eq!(other_name.env.len(), 1);
}

#[test]
fn plugins_of_flags_come_first_and_paths_of_the_file_start_at_its_folder() {
    let flags = FlagSettings { plugins: vec!["mine.wasm".parse().unwrap()], ..FlagSettings::default() };
    let text = "plugins:\n  - builtin:junit\n  - rules/a.wasm\n  - {source: /abs/b.wasm, settings: {x: [1, yes, 2.5, ~]}}\n";
    let plugins = trusted(flags, "", text).unwrap().plugins;
    let sources: Vec<_> = plugins.iter().map(|plugin| (plugin.source.clone(), plugin.origin)).collect();
    let at = |path: &str| PluginAddress::File(PathBuf::from(path));
    assert_eq!(
        sources,
        [
            (at("mine.wasm"), Origin::Flag),
            (PluginAddress::Builtin("junit".to_owned()), Origin::File),
            (at("project/rules/a.wasm"), Origin::File),
            (at("/abs/b.wasm"), Origin::File),
        ]
    );
    let settings = serde_json::to_string(&plugins[3].settings).unwrap();
    assert_eq!(settings, r#"{"x":[1,"yes",2.5,null]}"#);
}

#[test]
fn an_untrusted_file_runs_nothing_and_loads_nothing_and_says_so() {
    let text = "runs: 7\ntest_command: rm -rf /\nenv: {LD_PRELOAD: x}\nplugins: [evil.wasm]\nreporters: [x]\npolicy: x\n\
                suites: {a: {command: x}}\nframework:\n  python: {install_command: rm, requirements_file: r.txt}\n\
                ignore_patterns: [a]\n";
    let resolve =
        |trust| RunSettings::resolve(FlagSettings::default(), None, Some(file(text)), trust).unwrap();
    let settings = resolve(Trust::Untrusted);
    assert_eq!(settings.test_command, None);
    assert!(settings.env.is_empty() && settings.plugins.is_empty());
    assert_eq!(settings.runs.value.get(), 7);
    assert!(settings.ignore.value.first_match(&TestId::new("a")).is_some());
    let ignored: Vec<_> = settings.ignored.iter().map(ToString::to_string).collect();
    let line = |line: u32, key: &str| {
        format!(
            "project/.flaky-detector.yml:{line}:1: `{key}` is ignored: this revision of the file is not trusted"
        )
    };
    assert_eq!(
        ignored,
        [
            line(2, "test_command"),
            line(3, "env"),
            line(4, "plugins"),
            line(5, "reporters"),
            line(6, "policy"),
            line(7, "suites"),
            line(8, "framework.*.install_command"),
        ]
    );
    let settings = resolve(Trust::Trusted);
    assert!(settings.ignored.is_empty() && settings.test_command.is_some() && settings.plugins.len() == 1);
}

#[test]
fn what_flags_and_jobs_say_does_not_depend_on_trust_in_the_file() {
    let flags = FlagSettings {
        plugins: vec!["builtin:junit".parse().unwrap()],
        test_command: Some("pytest".parse().unwrap()),
        ..FlagSettings::default()
    };
    let settings =
        RunSettings::resolve(flags, None, Some(file("test_command: x\n")), Trust::Untrusted).unwrap();
    assert_eq!(settings.test_command.unwrap().origin, Origin::Flag);
    assert_eq!(settings.plugins.len(), 1);
}

/// `loads-shape-of-the-originals-file` stands for the file that the original publishes: our own words, with its
/// keys in its order, its values, its comments, and its pattern list in which every line is commented out.
#[test]
fn a_file_of_the_originals_shape_means_what_it_meant_there() {
    let text = include_str!("cases/loads-shape-of-the-originals-file/input.yml");
    let settings = trusted(FlagSettings::default(), "", text).unwrap();
    assert_eq!((settings.runs.value.get(), settings.parallelism.value.get()), (100, 10));
    assert_eq!((settings.timeout.value.get(), settings.install_timeout.value.get()), (600, 300));
    assert_eq!(settings.ignore.origin, Origin::Default);
    assert_eq!((settings.severity.value, settings.severity.origin), (defaults::SEVERITY, Origin::File));
    let range = SeedRange { min: 1, max: 1_000_000 };
    assert_eq!(settings.seeds.value, SeedChoice::Drawn { master: None, range });
}

#[test]
fn the_tutorials_example_sets_three_things() {
    let text = include_str!("cases/loads-tutorial/input.yml");
    let settings = trusted(FlagSettings::default(), "", text).unwrap();
    assert_eq!((settings.runs.value.get(), settings.parallelism.value.get()), (150, 15));
    assert_eq!((settings.severity.value.medium, settings.severity.value.high), (0.05, 0.5));
}

#[test]
fn where_attempts_run_is_the_files_word_and_the_flags_word_wins() {
    let long = "backend: {kind: runpod, endpoint: abc, shards: 7, workers: 20, price_per_second: 0.00002}\n";
    let here = trusted(FlagSettings::default(), "", "").unwrap().backend;
    assert_eq!((here.value.kind, here.origin), (BackendKind::Local, Origin::Default));
    let short = trusted(FlagSettings::default(), "", "backend: runpod\n").unwrap().backend;
    assert_eq!((short.value.kind, short.origin), (BackendKind::RunPod, Origin::File));
    let flags = FlagSettings {
        endpoint: Some("other".into()),
        shards: Some("3".parse().unwrap()),
        budget: Some("0.5".parse().unwrap()),
        ..FlagSettings::default()
    };
    let both = trusted(flags, "", long).unwrap().backend.value;
    assert_eq!(both.endpoint.as_deref(), Some("other"));
    assert_eq!(both.shards.map(|s| s.get()), Some(3));
    assert_eq!(both.workers.map(|w| w.get()), Some(20));
    assert_eq!(both.price_per_second.map(|p| p.get()), Some(0.000_02));
    let back = FlagSettings { backend: Some(BackendKind::Local), ..FlagSettings::default() };
    let back = trusted(back, "", long).unwrap().backend;
    assert_eq!((back.value.kind, back.origin), (BackendKind::Local, Origin::Flag));
    let untrusted = RunSettings::resolve(FlagSettings::default(), None, Some(file(long)), Trust::Untrusted);
    assert_eq!(untrusted.unwrap().backend.value.kind, BackendKind::Local);
}

#[test]
fn flags_of_an_endpoint_without_one_and_a_budget_without_a_price_are_refused() {
    let said = |flags| trusted(flags, "", "").unwrap_err();
    let endpoint = said(FlagSettings { endpoint: Some("abc".into()), ..FlagSettings::default() });
    assert!(endpoint.to_string().contains("`--endpoint` is for runs on an endpoint"), "{endpoint}");
    assert_eq!(endpoint.hint().as_deref(), Some("add `--backend runpod`"));
    let budget = said(FlagSettings {
        backend: Some(BackendKind::RunPod),
        budget: Some("1".parse().unwrap()),
        ..FlagSettings::default()
    });
    assert!(budget.to_string().contains("no CPU price is published"), "{budget}");
    assert!(budget.hint().unwrap().contains("price_per_second"));
}

#[test]
fn at_a_terminal_a_run_ends_when_enough_is_known_and_a_job_gets_the_attempts_it_counts_on() {
    let terminal = || FlagSettings { asked_by: AskedBy::Terminal, ..FlagSettings::default() };
    let resolved = |flags, is_job: bool, text: &str| {
        let job = is_job.then(|| job::parse(br#"{"repo": "r", "test_command": "c"}"#).unwrap());
        let s = RunSettings::resolve(flags, job, Some(file(text)), Trust::Trusted).unwrap();
        (s.runs.value.get(), s.stop.value, s.reproduce.value.get())
    };
    let job = FlagSettings::default;
    assert_eq!(resolved(terminal(), false, ""), (60, StopRule::Certain, 10));
    assert_eq!(resolved(job(), true, ""), (10, StopRule::Never, 0));
    assert_eq!(resolved(terminal(), true, ""), (10, StopRule::Never, 0), "a job is a job, whoever runs it");
    assert_eq!(resolved(terminal(), false, "runs: 30\n"), (30, StopRule::Certain, 10));
    assert_eq!(resolved(terminal(), false, "stop: never\n"), (10, StopRule::Never, 10));
    assert_eq!(resolved(job(), true, "stop: certain\n"), (10, StopRule::Certain, 0));
}
