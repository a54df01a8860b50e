//! What tests need is installed once, by whichever manager the project has, and found by every attempt.

use std::fs;

use flaky_core::report::IsolationUsed;
use flaky_tests::{Ended, Flaky};

use crate::case::{ran, slow};

/// A project of Node.js that needs a package of its own and one of a registry, which needs another.
const PACKAGES: &str = "tests/samples/frameworks/packages";

/// Installs in the first run, and in that one alone; all tests pass, and nothing that the installation leaves is missing where
/// attempts have a network and a home of their own.
fn installs_once(flaky: &Flaky, title: &str) {
    let runs = "--first-seed 1 --runs 2";
    let first = passes(flaky, runs, 2).warns(title);
    let isolation = first.report().isolation;
    assert_eq!(isolation.used, IsolationUsed::Full, "{:?}", isolation.why);
    let again = passes(flaky, runs, 2);
    assert!(!again.stderr.contains(title), "served from cache\n{}", again.everything());
}

/// So many tests run, and each passes every time.
fn passes(flaky: &Flaky, args: &str, tests: usize) -> Ended {
    let ended = flaky.run(args);
    let report = ended.report();
    assert_eq!(ran(&ended).len(), tests, "{}", ended.everything());
    let failures: u32 = report.tests.iter().map(|test| test.failures).sum();
    assert!(failures == 0 && report.total_runs > 1, "{}", ended.everything());
    ended
}

fn packages(lock: &str) -> Flaky {
    let lock = format!("tests/samples/frameworks/{lock}");
    Flaky::new().with_copy_of(PACKAGES.as_ref()).with_copy_of(lock.as_ref()).own_cache()
}

#[test]
fn yarn_installs_once() {
    if slow() {
        installs_once(&packages("packages-yarn"), "installing packages with yarn");
    }
}

/// Of a version that its lock file is of, and with folders of packages, whatever the project says.
#[test]
fn yarn_of_the_new_kind_installs_once() {
    if slow() {
        installs_once(&packages("packages-yarn-berry"), "installing packages with yarn");
    }
}

#[test]
fn pnpm_installs_once() {
    if slow() {
        installs_once(&packages("packages-pnpm"), "installing packages with pnpm");
    }
}

#[test]
fn composer_installs_once_and_its_autoloader_finds_the_attempts_own_tree() {
    if slow() {
        let flaky = Flaky::sample("frameworks/composer").own_cache();
        installs_once(&flaky, "installing packages with composer");
        let flaky = flaky.file("composer.lock", "{}");
        let changed = flaky.run("--first-seed 1 --runs 1");
        let _ = changed.warns("installing packages with composer");
    }
}

/// A project without anything that has to be fetched.
fn local() -> Flaky {
    let package = r#"{"private": true, "scripts": {"test": "node --test"},
        "dependencies": {"clock": "file:./packages/clock"}}"#;
    let test = "require('node:test').test('hour', () => { require('clock').hour(); });";
    Flaky::new()
        .with_copy_of(PACKAGES.as_ref())
        .file("package.json", package)
        .file("test/clock.test.js", test)
        .own_cache()
}

const SHARED: &str = "--first-seed 1 --runs 4 -j 2 --isolation shared";

/// What `node_modules` of the project is a folder of.
fn packages_of(flaky: &Flaky) -> Vec<String> {
    let entries = fs::read_dir(flaky.project().join("node_modules")).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn beside_packages(flaky: &Flaky) -> Vec<String> {
    let entries = fs::read_dir(flaky.project()).unwrap().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("node_modules.") || name == "package-lock.json")
        .collect()
}

#[test]
fn in_a_shared_folder_packages_are_links_and_what_an_interrupted_run_left_is_replaced() {
    let flaky = local().file("node_modules.flaky-4194305/half", "");
    let _ = passes(&flaky, SHARED, 1);
    assert_eq!(packages_of(&flaky), [".flaky-links", "clock"]);
    assert!(beside_packages(&flaky).is_empty(), "{:?}", beside_packages(&flaky));
}

#[test]
fn in_a_shared_folder_links_of_an_earlier_installation_are_made_anew() {
    let flaky = local();
    let _ = passes(&flaky, SHARED, 1);
    let package = r#"{"private": true, "scripts": {"test": "node --test"},
        "dependencies": {"clock": "file:./packages/clock", "watch": "file:./packages/watch"}}"#;
    let flaky = flaky
        .file("package.json", package)
        .file("packages/watch/package.json", r#"{"name": "watch", "version": "1.0.0"}"#)
        .file("packages/watch/index.js", "")
        .file("test/watch.test.js", "require('node:test').test('watch', () => { require('watch'); });");
    let _ = passes(&flaky, SHARED, 2);
    assert_eq!(packages_of(&flaky), [".flaky-links", "clock", "watch"]);
}

#[test]
fn in_a_shared_folder_packages_that_its_user_installed_stay() {
    let flaky = local();
    let _ = passes(&flaky, SHARED, 1);
    let flaky = flaky
        .file("node_modules/.package-lock.json", "{}")
        .file("node_modules/mine/index.js", "")
        .file("test/mine.test.js", "require('node:test').test('mine', () => { require('mine'); });")
        .file(".npmrc", "fund=false\n");
    let _ = passes(&flaky, SHARED, 2);
    assert!(packages_of(&flaky).contains(&"mine".to_owned()));
}
