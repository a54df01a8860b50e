//! What has to hold of every framework.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

use flaky_core::report::RunReport;
use flaky_core::verdict::Category;
use flaky_tests::running::slow_frameworks;
use flaky_tests::{Ended, Flaky, ended};

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

/// An attempt that starts two virtual machines beside others took more than the usual five minutes where each core had ten
/// things to do.
pub(crate) const PATIENT: &str = "--timeout 1800";

/// Whether tests whose tools take long to install are to run.
pub(crate) fn slow() -> bool {
    let all = slow_frameworks();
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
        let patient = if slow_frameworks() { PATIENT } else { "" };
        let command = if self.command.is_empty() { String::new() } else { format!(" -- {}", self.command) };
        format!("{patient} {more}{command}")
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
        assert_eq!(ran(&ended), BTreeSet::from([id.as_str().to_owned()]), "{}", ended.everything());
        assert!(
            !ended.stderr.to_lowercase().contains("install"),
            "served from cache\n{}",
            ended.everything()
        );
    }

    /// The order of every other attempt follows its seed, from the second on, where the project itself knows no order by
    /// chance.
    pub(crate) fn shuffles_by_the_seed(&self, flaky: &Flaky) {
        let shuffled = |first: u64, seeds: u32| -> Vec<Vec<String>> {
            let orders = self.orders(flaky, &format!("--first-seed {first} --runs {} --shuffle", seeds * 2));
            orders.into_iter().filter(|(attempt, _)| attempt % 2 == 1).map(|(_, order)| order).collect()
        };
        follow_the_seed(shuffled);
    }

    /// The order of every attempt follows its seed, in a project that orders by chance.
    pub(crate) fn is_ordered_by_the_seed(&self, flaky: &Flaky) {
        let orders = |first: u64, seeds: u32| -> Vec<Vec<String>> {
            self.orders(flaky, &format!("--first-seed {first} --runs {seeds}")).into_values().collect()
        };
        follow_the_seed(orders);
    }

    /// Names of the tests by attempts, in the order in which they ran. Tests of the sample append a line `ATTEMPT NAME` to
    /// the file `ORDER_FILE`, where there is one.
    fn orders(&self, flaky: &Flaky, how: &str) -> BTreeMap<u32, Vec<String>> {
        let file = flaky.beside("order");
        let _ = fs::remove_file(&file);
        let path = file.display();
        let more = format!("{how} --stop never --isolation shared -j 1 --env ORDER_FILE={path}");
        let ended = flaky.run(&self.args(&more));
        let text =
            fs::read_to_string(&file).unwrap_or_else(|e| panic!("{path}: {e}\n{}", ended.everything()));
        let mut orders: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for (attempt, name) in text.lines().filter_map(|line| line.split_once(' ')) {
            orders.entry(attempt.parse().unwrap_or(u32::MAX)).or_default().push(name.to_owned());
        }
        orders
    }

    /// Each test whose id has `within` in it runs without the others, whatever is in its name. `with` says of a test that is
    /// chosen and another whether the framework cannot but run both.
    pub(crate) fn runs_each_alone(&self, flaky: &Flaky, within: &str, with: impl Fn(&str, &str) -> bool) {
        let told = flaky.run(&self.args("--first-seed 1 --runs 1"));
        let known = ran(&told);
        let chosen: Vec<&String> = known.iter().filter(|id| id.contains(within)).collect();
        assert!(chosen.len() > 4, "{chosen:?}\n{}", told.everything());
        for id in chosen {
            let quoted = shell_words::quote(id);
            let alone = flaky.run(&self.args(&format!("--first-seed 1 --runs 1 --test={quoted}")));
            let expected: BTreeSet<String> =
                known.iter().filter(|one| *one == id || with(id, one)).cloned().collect();
            assert_eq!(ran(&alone), expected, "{id:?}\n{}", alone.everything());
        }
    }
}

/// Of a framework that selects single tests.
pub(crate) fn never(_chosen: &str, _other: &str) -> bool {
    false
}

/// Ids of the tests that ran: a framework may tell of others that it skipped them.
pub(crate) fn ran(ended: &Ended) -> BTreeSet<String> {
    let tests = ended.report().tests;
    tests.iter().filter(|test| test.ran > 0).map(|test| test.id.as_str().to_owned()).collect()
}

/// The same seed gives the same order, twenty seeds give at least two. `orders` makes those of so many seeds, from the first
/// one on.
fn follow_the_seed(orders: impl Fn(u64, u32) -> Vec<Vec<String>>) {
    let once = orders(7, 1);
    assert!(once.iter().any(|order| order.len() > 2), "tests tell their names: {once:?}");
    assert_eq!(once, orders(7, 1), "the same seed, the same order");
    let different: BTreeSet<Vec<String>> = orders(1, 20).into_iter().collect();
    assert!(different.len() > 1, "twenty seeds have more than one order: {different:?}");
}
