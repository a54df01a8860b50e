//! Two commits: alarms where nothing changed, and what is seen of what did.

use flaky_core::compare::{Comparisons, Pairs, TwoCommits};
use flaky_core::evidence::Change;
use flaky_core::stats::clopper_pearson;

use crate::chance::Chance;
use crate::{PERCENT, Promises, share};

/// Tests of a suite.
const TESTS: u32 = 30;

/// Attempts at either commit.
const ATTEMPTS: [u32; 2] = [60, 100];

/// Exact tests come close to their level where the counts are large: so many more suites tell 4.8 from 5 %.
const MORE: u32 = 5;

pub(crate) fn print(suites: u32, promises: &mut Promises) {
    let suites = suites.saturating_mul(MORE);
    println!(
        "\n## Two commits without a difference: suites with any alarm, % (upper 95 % bound), of {suites}\n"
    );
    println!(
        "`independent` tests fail by chance, `seeded` ones at the same seeds at both commits, but for one time in ten.\n"
    );
    println!("| planted % | n | one test, independent | one test, seeded |\n|---|---|---|---|");
    let mut comparisons = Comparisons::default();
    for percent in PERCENT {
        for attempts in ATTEMPTS {
            let cells = [false, true].map(|seeded| {
                let mut chance = Chance(5);
                let suite = |chance: &mut Chance| vec![same(chance, percent / 100.0, attempts, seeded)];
                alarms(suites, &mut chance, &mut comparisons, suite, promises)
            });
            println!("| {percent} | {attempts} | {} | {} |", cells[0], cells[1]);
        }
    }
    println!("\n| a suite of {TESTS} tests | n | independent | seeded |\n|---|---|---|---|");
    // Each row gives a rate to the test of a number.
    type Rates = fn(u32) -> f64;
    let mixed: [(&str, Rates); 3] = [
        ("all at 1 %", |_| 0.01),
        ("all at 10 %", |_| 0.10),
        ("every third at 30 %, the rest at 0", |number| if number % 3 == 0 { 0.30 } else { 0.0 }),
    ];
    for (name, rate) in mixed {
        for attempts in ATTEMPTS {
            let cells = [false, true].map(|seeded| {
                let mut chance = Chance(6);
                let suite = |chance: &mut Chance| {
                    (0..TESTS).map(|number| same(chance, rate(number), attempts, seeded)).collect()
                };
                alarms(suites, &mut chance, &mut comparisons, suite, promises)
            });
            println!("| {name} | {attempts} | {} | {} |", cells[0], cells[1]);
        }
    }
    power(suites / MORE, &mut comparisons);
}

/// One test that is the same at both commits.
fn same(chance: &mut Chance, rate: f64, attempts: u32, seeded: bool) -> TwoCommits {
    let mut pairs = Pairs::default();
    for _ in 0..attempts {
        let by_seed = chance.fails(rate);
        let mut outcome = || if seeded && !chance.fails(0.1) { by_seed } else { chance.fails(rate) };
        let (base, head) = (outcome(), outcome());
        pairs.add(base, head);
    }
    of(pairs)
}

fn of(pairs: Pairs) -> TwoCommits {
    let ran = pairs.both + pairs.only_base + pairs.only_head + pairs.neither;
    TwoCommits {
        base_ran: ran,
        base_failed: pairs.both + pairs.only_base,
        head_ran: ran,
        head_failed: pairs.both + pairs.only_head,
        pairs,
    }
}

fn is_alarm(change: Change) -> bool {
    matches!(change, Change::Introduced | Change::Worsened | Change::Fixed)
}

fn alarms(
    suites: u32,
    chance: &mut Chance,
    comparisons: &mut Comparisons,
    suite: impl Fn(&mut Chance) -> Vec<TwoCommits>,
    promises: &mut Promises,
) -> String {
    let mut alarms = 0;
    for _ in 0..suites {
        let found = comparisons.of(&suite(chance));
        alarms += u32::from(found.iter().flatten().any(|base| is_alarm(base.change)));
    }
    // One-sided 95 %: the upper end of the two-sided interval of 90 %.
    let upper = 100.0 * clopper_pearson(alarms, suites, 0.90).high;
    promises.check(upper <= 5.0, || {
        format!("{:.2} % alarms without a difference, at most {upper:.2} %", share(alarms, suites))
    });
    format!("{:.2} ({upper:.2})", share(alarms, suites))
}

/// What is told of a test that changed, alone among tests that never fail.
fn power(suites: u32, comparisons: &mut Comparisons) {
    println!("\n## Two commits with a difference: told, %, of {suites} (independent attempts)\n");
    println!("| base % | head % | the right word | n = 60 | n = 100 | n = 200 |\n|---|---|---|---|---|---|");
    for (base, head, change, word) in [
        (0.0, 2.0, Change::Introduced, "introduced"),
        (0.0, 5.0, Change::Introduced, "introduced"),
        (0.0, 10.0, Change::Introduced, "introduced"),
        (0.0, 20.0, Change::Introduced, "introduced"),
        (5.0, 20.0, Change::Worsened, "worsened"),
        (10.0, 40.0, Change::Worsened, "worsened"),
        (30.0, 0.0, Change::Fixed, "fixed"),
        (10.0, 0.0, Change::Fixed, "fixed"),
        (10.0, 10.0, Change::WasThereBefore, "was there before"),
        (100.0, 100.0, Change::WasThereBefore, "was there before"),
    ] {
        let cells = [60, 100, 200].map(|attempts| {
            let mut chance = Chance(7);
            let mut told = 0;
            for _ in 0..suites {
                let mut pairs = Pairs::default();
                for _ in 0..attempts {
                    let (base, head) = (chance.fails(base / 100.0), chance.fails(head / 100.0));
                    pairs.add(base, head);
                }
                let found = comparisons.of(&[of(pairs)]);
                told += u32::from(found.iter().flatten().any(|base| base.change == change));
            }
            format!("{:.0}", share(told, suites))
        });
        println!("| {base} | {head} | {word} | {} |", cells.join(" | "));
    }
}
