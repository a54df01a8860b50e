//! Two years of a team: `cargo bench -p flaky-history --bench two_years -- [RUNS [TESTS]]`, by default 20,000 runs of
//! 5,000 tests. Says how the database grows, what a run's write costs, and how long lists of tests take.

#![expect(clippy::print_stdout, reason = "it is what a benchmark is for")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark ends where something is wrong")]

use std::path::Path;
use std::time::{Duration, Instant};

use flaky_core::evidence::{Counts, Interval};
use flaky_core::history::{HistoryFilter, RunContext, Series, Timestamp};
use flaky_core::ids::{AttemptIndex, Seed, TestId};
use flaky_core::parsed::Location;
use flaky_core::report::{FailureGroupReport, RunReport, SeedReport, TestReport};
use flaky_core::seeds::SeedPlan;
use flaky_core::settings::SeedRange;
use flaky_core::verdict::{Category, Cause, Severity};
use flaky_history::{Access, History, HistoryPlace};
use nix::sys::resource::{UsageWho, getrusage};

const ATTEMPTS: u32 = 20;
/// 1 January 2025, and two years after it.
const START: i64 = 1_735_689_600;
const SECONDS: i64 = 2 * 365 * 86_400;
const QUARTERS: u32 = 8;

fn main() {
    let numbers: Vec<u32> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let runs = numbers.first().copied().unwrap_or(20_000);
    let tests = numbers.get(1).copied().unwrap_or(5_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(two_years(runs, tests));
}

async fn two_years(runs: u32, tests: u32) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let place = HistoryPlace::File(path.clone());
    let history = History::open(&place, Access::Write).await.unwrap();
    let mut team = Team::new(tests);
    let mut writes = Vec::new();
    println!("{runs} runs of up to {tests} tests, {ATTEMPTS} attempts each\n");
    println!(
        "| quarter | runs | size MB | write CPU ms, median | at most | tests() ms | test() ms | window() of 90 days ms |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for run in 0..runs {
        let (report, context) = team.run(run, runs);
        let before = cpu();
        history.record(&report, &context).await.unwrap();
        writes.push(cpu() - before);
        if (run + 1) % (runs / QUARTERS).max(1) == 0 {
            row(&history, &path, (run + 1) * QUARTERS / runs, run + 1, &mut writes, &context).await;
        }
    }
    println!("\n{} results with a failure", team.failures);
    let started = Instant::now();
    let found = history.check().await.unwrap();
    println!("check(): {} faults, {:.1} s", found.len(), started.elapsed().as_secs_f64());
}

async fn row(
    history: &History,
    path: &Path,
    quarter: u32,
    runs: u32,
    writes: &mut Vec<Duration>,
    context: &RunContext,
) {
    writes.sort();
    let (median, most) = (writes[writes.len() / 2], writes.last().copied().unwrap_or_default());
    writes.clear();
    let all = HistoryFilter::default();
    let list = best(|| async { assert!(!history.tests(&all, 24).await.unwrap().is_empty()) }).await;
    // The one that was flaky longest.
    let flaky = TestId::new(&name(0));
    let one = best(|| async {
        let found = history.test(&context.series, &flaky, &all).await.unwrap().expect("it is there");
        assert_eq!(found.runs.len(), runs as usize);
    })
    .await;
    let since = Timestamp(context.started.0 - 90 * 86_400);
    let window = best(|| async {
        assert!(!history.window(&context.series, since).await.unwrap().is_empty());
    })
    .await;
    let size = [path.to_owned(), path.with_extension("db-wal")]
        .iter()
        .map(|file| std::fs::metadata(file).map_or(0, |m| m.len()))
        .sum::<u64>();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "| {quarter} | {runs} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} |",
        size as f64 / 1e6,
        ms(median),
        ms(most),
        ms(list),
        ms(one),
        ms(window),
    );
}

/// CPU time of the best of three: others may use the machine, too.
async fn best<F: Future<Output = ()>>(work: impl Fn() -> F) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let started = cpu();
        work().await;
        best = best.min(cpu() - started);
    }
    best
}

/// User and system time of this process, all threads.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let of = |time: nix::sys::time::TimeVal| {
        Duration::from_secs(time.tv_sec().cast_unsigned())
            + Duration::from_micros(time.tv_usec().cast_unsigned())
    };
    of(usage.user_time()) + of(usage.system_time())
}

fn name(test: u32) -> String {
    format!(
        "tests/area_{:02}/test_module_{:03}.py::TestThing::test_behaviour_{test:05}",
        test % 40,
        test % 300
    )
}

/// A suite that grows from four fifths of its tests. One in fifty is skipped, one in a hundred flaky, for half a year
/// each, failing in 0.5 to 10 % of attempts.
struct Team {
    tests: u32,
    random: u64,
    failures: u64,
    clean: Vec<TestReport>,
}

impl Team {
    fn new(tests: u32) -> Self {
        let clean = (0..tests).map(|test| clean(test, test % 50 == 7)).collect();
        Self { tests, random: 1, failures: 0, clean }
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Failures per thousand attempts at this time: a twenty-fifth of the tests has half a year of it.
    fn rate(&self, test: u32, run: u32, runs: u32) -> u64 {
        if test == 0 {
            return 50;
        }
        let begins = u64::from(test / 25 % 4) * u64::from(runs) / 4;
        let during = (begins..begins + u64::from(runs) / 4).contains(&u64::from(run));
        if test.is_multiple_of(25) && during { 5 + u64::from(test * 7 % 95) } else { 0 }
    }

    fn run(&mut self, run: u32, runs: u32) -> (RunReport, RunContext) {
        let plan = SeedPlan::Drawn { master: u64::from(run), range: SeedRange { min: 1, max: 1_000_000 } };
        let there =
            self.tests * 4 / 5 + (u64::from(self.tests / 5) * u64::from(run) / u64::from(runs)) as u32;
        let mut report = RunReport::without_result(Cause::TooFewAttempts, "");
        report.run = format!("run-{run:06}-2f6b8c1d9e4a7f30").parse().unwrap();
        report.flaky_version = "0.1.0".into();
        (report.cause, report.verdict, report.severity) = (None, Category::Flaky, Some(Severity::Low));
        report.total_runs = ATTEMPTS;
        report.execution.planned = ATTEMPTS;
        report.execution.seeds = plan.report();
        report.execution.cpu_seconds = 812.5 + run as f64 / 64.0;
        report.execution.wall_seconds = 211.25;
        report.subject.commit = Some(format!("{:040x}", u128::from(run / 4) * 0x9E37_79B9_7F4A_7C15_F39C));
        report.subject.command = ["python", "-m", "pytest", "-q"].map(String::from).to_vec();
        assert!(matches!(report.execution.seeds, SeedReport::Drawn { .. }));
        report.tests = self.clean[..there as usize].to_vec();
        for test in 0..there {
            let rate = self.rate(test, run, runs);
            if rate > 0 {
                let failing: Vec<u32> = (0..ATTEMPTS).filter(|_| self.below(1000) < rate).collect();
                if !failing.is_empty() {
                    self.failures += 1;
                    let kind = self.below(3);
                    fail(&mut report.tests[test as usize], &failing, &plan, kind);
                }
            }
        }
        let context = RunContext {
            series: Series { repository: "example.org/team/shop".into(), suite: ".".into() },
            started: Timestamp(START + SECONDS * i64::from(run) / i64::from(runs)),
            branch: Some(if run % 4 == 0 { "main".into() } else { format!("topic/{}", run / 12) }),
            pull_request: (run % 4 != 0).then_some(u64::from(run / 12)),
            url: Some(format!("https://ci.example.org/team/shop/runs/{}", 4_000_000 + run)),
            changed: false,
        };
        (report, context)
    }
}

fn clean(test: u32, skipped: bool) -> TestReport {
    let (ran, skips) = if skipped { (0, ATTEMPTS) } else { (ATTEMPTS, 0) };
    TestReport {
        id: TestId::new(&name(test)),
        location: Some(Location {
            file: format!("tests/area_{:02}/x.py", test % 40),
            line: Some(test % 900),
        }),
        ran,
        failures: 0,
        rate: 0.0,
        interval: Interval { low: 0.0, high: 0.2, level: 0.95 },
        verdict: Category::Inconclusive,
        severity: (!skipped).then_some(Severity::None),
        confidence: 0.5,
        reason: String::new(),
        decided_by: "builtin".into(),
        ignored: false,
        counts: Counts { ran, passed: ran, skipped: skips, ..Counts::default() },
        failing_seeds: Vec::new(),
        failure_groups: Vec::new(),
        alone: None,
        side_by_side: None,
        median_seconds: Some(0.0125),
        selected: None,
        base: None,
        failed_in_ci: false,
        reproduction: None,
        tags: Vec::new(),
        added: Vec::new(),
    }
}

fn fail(test: &mut TestReport, failing: &[u32], plan: &SeedPlan, kind: u64) {
    let seeds: Vec<Seed> = failing.iter().map(|i| plan.seed(AttemptIndex(*i))).collect();
    let count = seeds.len() as u32;
    let (ran, passed) = (test.counts.ran.max(count), test.counts.ran.max(count) - count);
    test.counts = Counts { ran, passed, failed: count, ..Counts::default() };
    (test.verdict, test.severity, test.failures) = (Category::Flaky, Some(Severity::Low), count);
    test.failing_seeds.clone_from(&seeds);
    test.failure_groups = vec![FailureGroupReport {
        fingerprint: format!("{kind:02x}{:014x}", test.id.as_str().len()),
        also: Vec::new(),
        count,
        kind: "AssertionError".into(),
        message: format!("assert {kind} == {}", kind + 1).repeat(8),
        trace: format!("  File \"tests/x.py\", line {kind}, in test\n").repeat(40),
        seeds,
    }];
}
