//! The table of exit codes, row by row.

use std::collections::BTreeSet;

use flaky_tests::processes::wait_for_mark;
use flaky_tests::{Ended, Flaky};
use nix::sys::signal::Signal;

/// One way to each code that `flaky help exit-codes` names.
fn end_with(code: i32) -> Ended {
    match code {
        0 => Flaky::new().flaky("run --runs 14 -- true"),
        // No folder for temporary files: a fault of the machine, not of what was typed.
        1 => Flaky::new().env("TMPDIR", "/no/such/folder").flaky("run -- true"),
        2 => Flaky::new().flaky("run --runs 0"),
        3 => Flaky::new()
            .file("cut.xml", "<testsuite name='a' tests='2'><testcase classname='a' name='b'/><testca")
            .flaky("parse cut.xml"),
        4 => Flaky::new().file("prose.txt", "all is well\n").flaky("parse prose.txt"),
        5 => Flaky::new().env("PATH", "/nowhere").flaky("plugin doctor --lang rust"),
        6 => crate::quarantine::expired().flaky("quarantine check"),
        10 => Flaky::sample("unrecognised").flaky("run --first-seed 1 --runs 4 -- ./check.sh"),
        11 => Flaky::new().flaky("run --runs 14 -- false"),
        12 => Flaky::new().flaky("run --runs 1 -- true"),
        13 => crate::commits::introduced(),
        // Can be opened, and is full.
        20 => Flaky::new().flaky("run --runs 14 --report json=/dev/full -- true"),
        130 => signalled(Signal::SIGINT),
        143 => signalled(Signal::SIGTERM),
        other => panic!("exit code {other} is in the table, and no test produces it"),
    }
}

fn signalled(signal: Signal) -> Ended {
    let mark = format!("flaky-mark-{}-code-{signal}", std::process::id());
    let flaky = Flaky::new().file("wait.py", "import time; time.sleep(1000)\n").env("MARK", &mark);
    let running = flaky.start_run("-- sh -c 'python3 wait.py $MARK; true'");
    wait_for_mark(&mark);
    running.signal(signal);
    running.ended()
}

/// Numbers at the beginning of a table's lines.
fn codes(table: &str) -> BTreeSet<i32> {
    table
        .lines()
        .filter_map(|line| line.trim_start_matches(['|', ' ']).split([' ', '|']).next()?.parse().ok())
        .collect()
}

#[test]
fn every_code_of_the_table_is_what_flaky_ends_with() {
    let table = Flaky::new().flaky("help exit-codes").exits(0).stdout;
    let named = codes(&table);
    assert_eq!(named, BTreeSet::from([0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 20, 130, 143]), "{table}");
    for code in named {
        let ended = end_with(code);
        assert_eq!(ended.code, code, "{}", ended.everything());
        let wants_error = matches!(code, 1 | 2 | 20);
        assert_eq!(ended.stderr.contains("error: "), wants_error, "{code}\n{}", ended.everything());
    }
}

#[test]
fn the_documentation_has_the_same_codes_and_the_reserved_one() {
    let documented = codes(include_str!("../../../docs/exit-codes.md"));
    let mut named = codes(&Flaky::new().flaky("help exit-codes").stdout);
    named.insert(13);
    assert_eq!(documented, named);
}

#[test]
fn fail_on_decides_from_which_verdict_on_the_code_says_failure() {
    let (flaky, broken, unknown) = ("./check.sh", "false", "--runs 1 -- true");
    let unrecognised = Flaky::sample("unrecognised");
    for (fail_on, of_flaky, of_broken) in [("flaky", 10, 11), ("broken", 0, 11), ("never", 0, 0)] {
        let run = |rest: &str| unrecognised.flaky(&format!("run --fail-on {fail_on} {rest}")).code;
        assert_eq!(run(&format!("--first-seed 1 --runs 4 -- {flaky}")), of_flaky, "{fail_on}");
        assert_eq!(run(&format!("--runs 14 -- {broken}")), of_broken, "{fail_on}");
        assert_eq!(run(unknown), 12, "{fail_on}: what could not be found out does not look like success");
    }
    // Nor does a report that was lost.
    let lost = unrecognised.flaky("run --fail-on never --runs 14 --report json=/dev/full -- true");
    let _ = lost.exits(20).warns("error: report `json`");
}
