//! Levels of isolation: what is asked for is what is used, and where a suite needs more of the machine, it is said.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use flaky_core::report::IsolationUsed;
use flaky_core::settings::IsolationChoice;
use flaky_core::verdict::{Category, Cause};
use flaky_tests::{Ended, Flaky};

/// Whether attempts can have a network of their own here.
fn machine_allows_full() -> bool {
    Flaky::new().flaky("doctor").stdout.contains("isolation: full\n")
}

#[test]
fn a_suite_that_needs_a_server_outside_is_stable_at_the_lower_level_and_it_is_said() {
    let port = serve_pongs();
    let flaky = Flaky::sample("needs-server").env("SERVER_PORT", port.to_string());
    stable_with_the_hosts_network(&flaky.run("--runs 14 -- pytest"), "test_server_answers");
}

#[test]
fn a_suite_that_reads_the_users_home_is_stable_at_the_lower_level_and_it_is_said() {
    let flaky = Flaky::sample("reads-home").home_file(".flaky-sample", "ready\n");
    stable_with_the_hosts_network(&flaky.run("--runs 14 -- pytest"), "test_settings_of_the_user_are_there");
}

fn stable_with_the_hosts_network(ended: &Ended, needs: &str) {
    let told = ended.everything();
    let report = ended.report();
    assert_eq!(
        (report.verdict, report.failures, report.total_runs, ended.code),
        (Category::Stable, 0, 14, 0),
        "{told}"
    );
    let used = if machine_allows_full() { IsolationUsed::FullSharedNetwork } else { IsolationUsed::Copy };
    assert_eq!((report.isolation.asked, report.isolation.used), (IsolationChoice::Auto, used), "{told}");
    let why = report.isolation.why.unwrap_or_default();
    assert!(!why.is_empty(), "{told}");
    if used == IsolationUsed::FullSharedNetwork {
        assert!(why.contains(needs), "the test that shows it is named: {why}\n{told}");
        assert!(ended.stdout.contains("full-shared-network"), "{told}");
    }
}

#[test]
fn a_suite_that_does_not_bear_the_isolation_that_was_demanded_is_a_mismatch_not_a_failure() {
    if !machine_allows_full() {
        // Then the demand itself is refused, which the next test looks at.
        return;
    }
    let flaky = Flaky::sample("reads-home").home_file(".flaky-sample", "ready\n");
    let report =
        flaky.run("--isolation full --runs 14 -- pytest").exits(12).says("isolation-mismatch").report();
    assert_eq!((report.cause, report.severity), (Some(Cause::IsolationMismatch), None));
    assert_eq!(report.isolation.used, IsolationUsed::Full);
    let shared = flaky.run("--isolation full --network shared --runs 14 -- pytest").exits(0).report();
    assert_eq!((shared.verdict, shared.isolation.used), (Category::Stable, IsolationUsed::FullSharedNetwork));
}

#[test]
fn the_level_that_is_asked_for_is_the_one_used_and_decides_what_attempts_leave_behind() {
    // Passes where no earlier attempt left its file behind.
    let cases = [
        ("shared", IsolationUsed::Shared, 2, true),
        ("copy", IsolationUsed::Copy, 0, false),
        ("full", IsolationUsed::Full, 0, false),
        ("auto", IsolationUsed::Full, 0, false),
    ];
    let full = machine_allows_full();
    for (asked, used, failures, left_behind) in cases {
        let flaky = Flaky::sample("shared-file");
        let ended = flaky.run(&format!("--isolation {asked} --runs 3 -j 1 -- pytest test_leftover.py"));
        if asked == "full" && !full {
            let _ = ended.exits(2).warns("isolation `full` cannot be had here").warns("hint:");
            continue;
        }
        let used = if asked == "auto" && !full { IsolationUsed::Copy } else { used };
        let report = ended.report();
        assert_eq!(report.isolation.used, used, "{asked}\n{}", ended.everything());
        assert_eq!(report.isolation.asked.name(), asked);
        assert_eq!((report.total_runs, report.failures), (3, failures), "{asked}\n{}", ended.everything());
        assert_eq!(flaky.project().join("leftover.txt").exists(), left_behind, "{asked}");
    }
}

#[test]
fn copies_do_not_write_to_each_others_files() {
    let flaky = Flaky::sample("shared-file");
    for level in ["copy", "auto"] {
        let ended = flaky.run(&format!("--isolation {level} --runs 14 -j 7 -- pytest test_cart.py")).exits(0);
        assert_eq!(ended.report().failures, 0, "{}", ended.everything());
        assert!(!flaky.project().join("cart.txt").exists(), "{level}: the user's tree is as it was");
    }
}

/// Answers `ping` by `pong` for as long as the tests run.
fn serve_pongs() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || answer(client));
        }
    });
    port
}

fn answer(mut client: TcpStream) {
    let mut line = String::new();
    let read = client.try_clone().map(|reading| BufReader::new(reading).read_line(&mut line));
    if matches!(read, Ok(Ok(_))) && line == "ping\n" {
        // A test that gave up meanwhile is no concern of the server's.
        let _ = client.write_all(b"pong\n");
    }
}
