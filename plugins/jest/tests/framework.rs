//! What the plugin makes of projects and commands.

use flaky_plugin_jest::Jest;
use flaky_plugin_sdk::native::Files;
use flaky_plugin_sdk::{AttemptContext, Command, EnvChange, Framework, Selection};

fn context() -> AttemptContext {
    AttemptContext {
        index: 0,
        seed: 7,
        report_dir: "/report".to_owned(),
        support_dir: "/sup port".to_owned(),
        shuffle: false,
        workers: None,
    }
}

#[test]
fn a_project_is_jests_by_its_script_its_settings_or_its_needs() {
    let cases = [
        (r#"{"scripts":{"test":"jest --ci"}}"#, Some((97, "npm test"))),
        (r#"{"jest":{}}"#, Some((94, "npx --no-install jest"))),
        (r#"{"scripts":{"test:unit":"NODE_ENV=test jest"}}"#, Some((92, "npx --no-install jest"))),
        (r#"{"devDependencies":{"jest":"29"}}"#, Some((88, "npx --no-install jest"))),
        (r#"{"devDependencies":{"jester":"1"},"scripts":{"test":"mocha"}}"#, None),
        (r#"{"scripts":{"test":"echo jest"}}"#, None),
        ("not JSON", None),
    ];
    for (package, expected) in cases {
        let files = Files::default().file("app/package.json", package);
        let found = Jest.detect(&files.project()).unwrap();
        let found = found.first().map(|d| (d.confidence, d.default_command.argv.join(" "), d.root.clone()));
        let expected = expected.map(|(sure, command)| (sure, command.to_owned(), "app".to_owned()));
        assert_eq!(found, expected, "{package}");
    }
}

#[test]
fn a_report_is_added_without_touching_the_arguments() {
    let command = Command::new(["npx", "jest", "--reporters=mine"])
        .cwd("app/web")
        .env("NODE_OPTIONS", EnvChange::Set("--max-old-space-size=99".to_owned()));
    let made = Jest.instrument(command, &context()).unwrap();
    // A shell puts links to the packages beside the tests, two folders up from here is the tree.
    assert_eq!(made.command.argv.get(3..).unwrap(), ["./../..", "npx", "jest", "--reporters=mine"]);
    let value = |name: &str| {
        made.command.env.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let options = "--require=\"/sup port/flaky_jest_report.cjs\" --max-old-space-size=99";
    assert_eq!(value("NODE_OPTIONS"), Some(EnvChange::Set(options.to_owned())));
    assert_eq!(value("JEST_SEED"), Some(EnvChange::Set("7".to_owned())));
    assert_eq!(made.support_files.first().unwrap().path, "flaky_jest_report.cjs");
}

#[test]
fn chosen_tests_are_named_literally_whatever_is_in_their_names() {
    let ids = Selection::Only(vec!["a.js > cart > costs $(rm) [x] (y|z)*".to_owned()]);
    let cases: [(&[&str], &[&str]); 3] = [
        (&["npx", "jest"], &["npx", "jest"]),
        (&["npm", "test"], &["npm", "test", "--"]),
        (&["yarn", "test", "-i"], &["yarn", "test", "-i"]),
    ];
    for (given, before) in cases {
        let argv = Jest.select(Command::new(given.iter().copied()), &ids).unwrap().argv;
        let titles = r"--testNamePattern=^\s*(?:cart(?: > |\s+)costs\s+\$\(rm\)\s+\[x\]\s+\(y\|z\)\*)\s*$";
        let expected: Vec<&str> = before.iter().copied().chain([titles, r"(?:^|\/)a\.js$"]).collect();
        assert_eq!(argv, expected);
    }
    for refused in [&["npx", "jest", "-t", "x"][..], &["sh", "-c", "jest"], &["make", "test"]] {
        let error = Jest.select(Command::new(refused.iter().copied()), &ids).unwrap_err();
        assert_eq!(error.code, "cannot-select", "{refused:?}");
    }
}
