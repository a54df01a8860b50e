//! The project of the README, with dependencies that are installed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use flaky_core::verdict::Category;
use flaky_tests::{Flaky, ended};

#[test]
fn the_example_is_broken_its_flaky_test_is_named_and_nothing_is_installed_where_the_user_works() {
    let flaky = Flaky::new().with_copy_of(Path::new("examples/python")).own_cache();
    let before = files(&flaky.project());
    let ended = flaky.run("--first-seed 1 --runs 20 --parallelism 10").exits(11).says("BROKEN");
    let report = ended.report();
    assert_eq!((report.total_runs, report.verdict), (20, Category::Broken), "{}", ended.everything());
    for (name, verdict) in [
        ("test_order_is_processed_in_time", Category::Flaky),
        ("test_discount_is_taken_from_the_total", Category::Stable),
        ("test_reserving_the_last_piece_leaves_nothing", Category::Broken),
    ] {
        assert_eq!(ended::test(&report, name).verdict, verdict, "{name}\n{}", ended.everything());
    }
    // A long name has a line of its own; what is said of it begins on that line or the next.
    let row = ended.stdout.split("test_order_is_processed_in_time").nth(1).unwrap_or_default();
    let row: Vec<&str> = row.lines().take(2).collect();
    assert!(row.join(" ").contains("flaky"), "the table names it as flaky\n{}", ended.everything());

    let environment = environment_of(&flaky);
    assert!(environment.join("bin/pytest").is_file(), "pytest is installed in {}", environment.display());
    assert!(
        ended.stderr.contains(&environment.display().to_string()),
        "commands are shown\n{}",
        ended.everything()
    );
    assert_eq!(files(&flaky.project()), before, "the user's tree is as it was");
    let home = files(&flaky.home());
    assert!(home.iter().all(|file| !file.contains("site-packages")), "{home:?}");

    // Nothing changed, so nothing is installed again.
    let again = flaky.run("--first-seed 1 --runs 2 -- pytest tests/test_prices.py");
    assert!(!again.stderr.contains("pip install"), "{}", again.everything());
    assert_eq!(
        ended::test(&again.report(), "test_discount_is_taken_from_the_total").ran,
        2,
        "{}",
        again.everything()
    );
    // What it depends on did, so it is.
    let flaky = flaky.file("requirements.txt", "pytest==9.2.0\n# changed\n");
    let changed = flaky.run("--first-seed 1 --runs 2 -- pytest tests/test_prices.py");
    assert!(changed.stderr.contains("pip install"), "{}", changed.everything());
}

/// The one virtual environment in the cache.
fn environment_of(flaky: &Flaky) -> PathBuf {
    let folder = flaky.cache().join("environments");
    let entries = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
    let environments: Vec<PathBuf> = entries.filter(|path| has_pyvenv(path)).collect();
    assert_eq!(environments.len(), 1, "{environments:?}");
    environments[0].clone()
}

fn has_pyvenv(path: &Path) -> bool {
    path.join("pyvenv.cfg").is_file()
}

/// Every path below `folder`.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            found.insert(entry.path().display().to_string());
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            }
        }
    }
    found
}
