//! What the user approves: a folder, a component by its digest, and the grants of its entry.

use flaky_core::report::RunReport;
use flaky_tests::{Ended, Flaky, place};

/// A component of the same code and another digest: a custom section of five bytes stands behind it.
pub(crate) fn other(mut bytes: Vec<u8>, name: u8) -> Vec<u8> {
    bytes.extend([0, 4, 3, b'a', b'b', name]);
    bytes
}

pub(crate) fn guest() -> Vec<u8> {
    std::fs::read(place::guest("hostile")).unwrap()
}

/// Whether the plugin of these tests read the output: it tells of two tests whatever was printed.
#[track_caller]
pub(crate) fn is_used(report: &RunReport) -> bool {
    let used = report.plugins.iter().any(|plugin| plugin.name == "hostile");
    assert_eq!(used, report.tests.iter().any(|test| test.id.as_str() == "second"), "{report:#?}");
    used
}

/// The note of what was ignored that holds this text.
#[track_caller]
pub(crate) fn ignored(ended: &Ended, text: &str) {
    let notes = ended.report().notes;
    assert!(
        notes.iter().any(|note| note.code == "setting-ignored" && note.text.contains(text)),
        "no note says `{text}`: {notes:#?}\n{}",
        ended.everything()
    );
}

fn config(grants: &str) -> String {
    format!("runs: 2\nplugins:\n  - source: rules.wasm\n    grants: [{grants}]\n")
}

fn write(flaky: &Flaky, name: &str, bytes: &[u8]) {
    std::fs::write(flaky.project().join(name), bytes).unwrap();
}

#[test]
fn a_plugin_that_a_folders_file_names_counts_once_it_is_approved_as_it_is() {
    let flaky = Flaky::new().file("rules.wasm", guest()).file(".flaky-detector.yml", config(""));
    let run = || flaky.run("-- echo something");
    let refused = |text: &str| {
        let ended = run();
        assert!(!is_used(&ended.report()), "{}", ended.everything());
        ignored(&ended, text);
        ignored(&ended, ".flaky-detector.yml:2:1: `plugins`: `rules.wasm` is not used");
        ignored(&ended, "to allow it: `flaky plugin trust`");
    };
    refused("nobody has approved it here");
    // Nobody can be asked in a test: it is told what to type, and that is typed.
    let flaky = flaky.approved();
    let run = || flaky.run("-- echo something");
    assert!(is_used(&run().report()));
    let _ = flaky.flaky("plugin trust --list").exits(0).says("rules.wasm").says("granted: nothing");

    write(&flaky, ".flaky-detector.yml", config("commands").as_bytes());
    let changed = |text: &str| {
        let ended = run();
        assert!(!is_used(&ended.report()), "{}", ended.everything());
        ignored(&ended, text);
    };
    changed("was changed since it was approved");
    write(&flaky, ".flaky-detector.yml", config("").as_bytes());
    assert!(is_used(&run().report()), "back to what was approved");
    write(&flaky, "rules.wasm", &other(guest(), b'c'));
    changed("was changed since it was approved");
    write(&flaky, "rules.wasm", &guest());
    let _ = flaky.flaky("plugin trust --remove").exits(0).says("1 taken back");
    changed("nobody has approved it here");
}

#[test]
fn only_what_is_there_can_be_approved_and_ci_is_told_the_command() {
    let flaky = Flaky::new().file("rules.wasm", guest()).file(".flaky-detector.yml", config("commands"));
    let asked = flaky.flaky("plugin trust").exits(2);
    let _ = asked.says("granted: commands").says("asks for:").says("hostile 0.1.0");
    let wrong = "0".repeat(64);
    let _ =
        flaky.flaky(&format!("plugin trust --yes {wrong}")).exits(2).warns("no plugin").warns("rules.wasm");
    let _ = flaky.flaky("plugin trust --yes abc").exits(2).warns("64 hexadecimal digits");
    let _ = flaky.flaky("plugin trust --list").exits(0).says("nothing was approved");
    let flaky = flaky.env("CI", "true");
    let ended = flaky.run("-- echo something");
    ignored(&ended, "to allow it: `flaky plugin trust --yes ");
    let none = Flaky::new().file(".flaky-detector.yml", "plugins: [builtin:thresholds]\n");
    let _ = none.flaky("plugin trust").exits(0).says("names no plugin that has to be approved");
}

#[test]
fn what_the_user_types_needs_no_approval_and_what_others_can_write_approves_nothing() {
    let guest = place::guest("hostile");
    let typed = Flaky::new().run(&format!("--runs 2 --plugin {} -- echo something", guest.display()));
    assert!(is_used(&typed.report()));
    let flaky =
        Flaky::new().file("rules.wasm", self::guest()).file(".flaky-detector.yml", config("")).approved();
    let file = flaky.home().join(".config/flaky/trust.json");
    let mut mode = std::fs::metadata(&file).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o666);
    std::fs::set_permissions(&file, mode).unwrap();
    let ended = flaky.run("-- echo something").warns("can be written by others");
    assert!(!is_used(&ended.report()));
}
