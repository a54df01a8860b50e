//! What has to hold of every framework.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

use flaky_core::report::RunReport;
use flaky_core::verdict::Category;
use flaky_tests::{Flaky, ended};

/// A sample project with one flaky, one broken and some stable tests.
pub(crate) struct Case {
    /// Its folder in the repository.
    pub(crate) folder: &'static str,
    /// What follows `--`; nothing lets the framework plugin propose it.
    pub(crate) command: &'static str,
    /// As the report names it.
    pub(crate) framework: &'static str,
    /// Id, or its end.
    pub(crate) flaky: &'static str,
    pub(crate) broken: &'static str,
    pub(crate) stable: &'static str,
}

/// Whether tests whose tools take long to install are to run.
pub(crate) fn slow() -> bool {
    let all = std::env::var("FLAKY_FRAMEWORKS").is_ok_and(|v| v == "all");
    if !all {
        // Nobody should take a test that did nothing for one that passed.
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        let _ = writeln!(
            std::io::stderr(),
            "{name}: not run, its tools take long to install; FLAKY_FRAMEWORKS=all runs it"
        );
    }
    all
}

impl Case {
    fn args(&self, more: &str) -> String {
        let command = if self.command.is_empty() { String::new() } else { format!(" -- {}", self.command) };
        format!("{more}{command}")
    }

    /// A copy of the sample.
    pub(crate) fn project(&self) -> Flaky {
        Flaky::new().with_copy_of(Path::new(self.folder))
    }

    /// Seeds 1 to 20: six of them are divisible by three.
    pub(crate) fn gives_the_right_verdicts(&self, flaky: &Flaky) -> RunReport {
        let ended = flaky.run(&self.args("--first-seed 1 --runs 20 --stop never")).exits(11);
        let report = ended.report();
        assert_eq!(report.subject.framework, self.framework, "{}", ended.everything());
        assert_eq!(report.total_runs, 20, "{}", ended.everything());
        for (test, verdict, failures) in [
            (self.flaky, Category::Flaky, 6),
            (self.broken, Category::Broken, 20),
            (self.stable, Category::Stable, 0),
        ] {
            let found = ended::test(&report, test);
            assert_eq!((found.verdict, found.failures), (verdict, failures), "{}", ended.everything());
        }
        report
    }

    /// `--test` runs this one and no other, and what was installed is used again.
    pub(crate) fn runs_one_test_alone(&self, flaky: &Flaky, report: &RunReport) {
        let id = ended::test(report, self.stable).id.clone();
        let quoted = shell_words::quote(id.as_str());
        let ended = flaky.run(&self.args(&format!("--first-seed 1 --runs 2 --stop never --test {quoted}")));
        let alone = ended.report();
        // A framework may tell of the others that it skipped them.
        let ran: Vec<&str> = alone.tests.iter().filter(|t| t.ran > 0).map(|t| t.id.as_str()).collect();
        assert_eq!(ran, [id.as_str()], "{}", ended.everything());
        assert!(
            !ended.stderr.to_lowercase().contains("install"),
            "served from cache\n{}",
            ended.everything()
        );
    }

    /// The order follows the seed: the same seed gives the same, twenty seeds give at least two. Tests of the sample
    /// append a line `ATTEMPT NAME` to the file `ORDER_FILE`, where there is one.
    pub(crate) fn shuffles_by_the_seed(&self, flaky: &Flaky) {
        let orders = |first: u64, runs: u32| -> BTreeMap<u32, Vec<String>> {
            let file = flaky.beside("order");
            let _ = fs::remove_file(&file);
            let path = file.display();
            let more = format!(
                "--first-seed {first} --runs {runs} --stop never --isolation shared -j 1 --shuffle --env ORDER_FILE={path}"
            );
            let ended = flaky.run(&self.args(&more));
            let text =
                fs::read_to_string(&file).unwrap_or_else(|e| panic!("{path}: {e}\n{}", ended.everything()));
            let mut orders: BTreeMap<u32, Vec<String>> = BTreeMap::new();
            for (attempt, name) in text.lines().filter_map(|line| line.split_once(' ')) {
                orders.entry(attempt.parse().unwrap_or(u32::MAX)).or_default().push(name.to_owned());
            }
            orders
        };
        // Every other attempt is shuffled, from the second on.
        let once = orders(7, 2).remove(&1).unwrap_or_default();
        assert!(once.len() > 2, "tests tell their names: {once:?}");
        assert_eq!(Some(once), orders(7, 2).remove(&1), "the same seed, the same order");
        let shuffled: BTreeSet<Vec<String>> = orders(1, 40)
            .into_iter()
            .filter(|(attempt, _)| attempt % 2 == 1)
            .map(|(_, order)| order)
            .collect();
        assert!(shuffled.len() > 1, "twenty shuffled attempts have more than one order: {shuffled:?}");
    }
}
