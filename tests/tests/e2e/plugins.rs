//! Plugins that the user names.

use flaky_core::report::PluginReport;
use flaky_core::verdict::Category;
use flaky_tests::{Ended, Flaky, ended, place};

/// A project with the plugin that misbehaves in one call, in one way.
fn with_hostile(call: &str, deed: &str) -> Flaky {
    let guest = place::guest("hostile");
    let config =
        format!("plugins:\n  - source: {}\n    settings: {{call: {call}, do: {deed}}}\n", guest.display());
    Flaky::sample("always-passes").file(".flaky-detector.yml", config).approved()
}

/// What the report says of the plugin that misbehaved: one error, which names the call.
#[track_caller]
fn blamed(ended: &Ended, call: &str) -> PluginReport {
    let plugin = ended.report().plugins.into_iter().find(|plugin| plugin.name == "hostile");
    let plugin = plugin.unwrap_or_else(|| panic!("the report names the plugin\n{}", ended.everything()));
    assert_eq!(plugin.errors.len(), 1, "{:?}\n{}", plugin.errors, ended.everything());
    assert!(plugin.errors[0].0.contains(&format!("`{call}`")), "{:?}", plugin.errors);
    plugin
}

#[test]
fn a_bundled_plugin_can_be_named_with_settings_of_its_own() {
    let flaky = Flaky::new().file(
        ".flaky-detector.yml",
        "plugins:\n  - source: builtin:thresholds\n    settings: {stable_below: 0.9}\n",
    );
    // Two passes bound the failure rate by 78 %, which is below 90 %.
    let report = flaky.run("--runs 2 -- true").exits(0).report();
    assert_eq!(report.verdict, Category::Stable);
    let wrong = Flaky::new().file(
        ".flaky-detector.yml",
        "plugins:\n  - source: builtin:thresholds\n    settings: {stable_below: often}\n",
    );
    let _ = wrong.flaky("run --runs 2 -- true").exits(2).warns("builtin:thresholds").warns("stable_below");
}

#[test]
fn a_parser_that_fails_is_named_in_the_report_and_the_verdict_stands() {
    let cases = [
        ("panic", "as asked for"),
        ("memory", "memory"),
        ("recurse", "stack"),
        ("big", "MiB"),
        ("error", "as-asked"),
    ];
    for (deed, said) in cases {
        let ended = with_hostile("parse", deed).run("--runs 4 -- pytest");
        let report = ended.report();
        assert_eq!((report.total_runs, report.failures), (4, 0), "{deed}\n{}", ended.everything());
        assert_eq!(report.subject.parser.as_deref(), Some("pytest"), "{deed}");
        assert_eq!(report.tests.len(), 3, "{deed}");
        let (text, times) = blamed(&ended, "parse").errors.remove(0);
        assert!(text.contains(said), "{deed}: {text}");
        assert_eq!(times, 4, "{deed}: it was asked about every attempt");
        assert!(
            ended.stdout.contains("hostile"),
            "{deed}: the table's reader learns of it\n{}",
            ended.everything()
        );
    }
}

#[test]
fn a_policy_that_fails_leaves_the_decision_to_the_next() {
    for deed in ["panic", "memory"] {
        // Its own parser reads the output here: one test of two fails in every attempt.
        let ended = with_hostile("classify", deed).run("--runs 14 -- echo something");
        let report = ended.report();
        let told = ended.everything();
        assert_eq!(ended::test(&report, "second").verdict, Category::Broken, "{told}");
        assert_eq!(ended::test(&report, "first\u{e9}").verdict, Category::Stable, "{told}");
        assert!(report.tests.iter().all(|test| test.decided_by == "statistical"), "{told}");
        let plugin = blamed(&ended, "classify");
        assert!(plugin.roles.iter().any(|role| role == "parser"), "{:?}", plugin.roles);

        // It calls every test flaky, and so does the run's verdict, without its help.
        let ended = with_hostile("summarise", deed).run("--runs 14 -- echo something").exits(10);
        assert_eq!(ended.report().verdict, Category::Flaky, "{}", ended.everything());
        let _ = blamed(&ended, "summarise");
    }
}

#[test]
fn a_plugin_that_fails_before_the_run_is_refused() {
    let _ = with_hostile("configure", "panic")
        .flaky("run -- pytest")
        .exits(2)
        .warns("`configure`")
        .warns("as asked for");
    let _ = with_hostile("configure", "error")
        .flaky("run -- pytest")
        .exits(2)
        .warns("as-asked")
        .warns("ask for something else");
    for (guest, said) in [
        ("describe-panic", "as asked for"),
        ("describe-memory", "memory"),
        ("describe-name", "name"),
        ("describe-glob", "{unclosed"),
        ("describe-schema", "schema"),
        ("start-table", "table"),
        ("start-memory", "memory"),
        ("only-plugin", "role"),
        ("version-2", "0.2.0"),
        ("more-cases", "quarantined"),
        ("foreign", "which plugins do not get"),
    ] {
        let path = place::guest(guest);
        let ended = Flaky::new().flaky(&format!("run --plugin {} -- true", path.display())).exits(2);
        let _ = ended.warns(&path.display().to_string()).warns(said);
    }
}

#[test]
fn a_reporter_that_fails_costs_its_delivery_alone() {
    let flaky = with_hostile("render", "panic");
    let ended =
        flaky.run("--report hostile=mine.txt --runs 14 -- true").exits(20).warns("error: report `hostile`");
    assert_eq!(ended.report().total_runs, 14);
}
