use super::*;
use crate::history::testing::{Chance, commits};

#[test]
fn the_range_ends_at_the_first_failure_and_begins_behind_what_clean_attempts_exclude() {
    for (shares, last_clean, could_be) in [
        // Fails at 20 % at once, and 60 clean attempts lie before: that is no luck.
        (&[(60, 0), (60, 0), (60, 12), (60, 11)][..], Some("c1"), &["c2"][..]),
        // 10 clean attempts at 20 % are luck once in ten times, 20 once in a hundred.
        (&[(60, 0), (10, 0), (60, 12), (60, 12)], Some("c0"), &["c1", "c2"]),
        (&[(10, 0), (10, 0), (60, 12), (60, 12)], Some("c0"), &["c1", "c2"]),
        (&[(5, 0), (5, 0), (60, 12), (60, 12)], None, &["c0", "c1", "c2"]),
        // Commits at which it did not run tell nothing, and are not named.
        (&[(60, 0), (0, 0), (60, 12), (60, 12)], Some("c0"), &["c2"]),
        (&[(60, 12)], None, &["c0"]),
        // One failure among many clean attempts says nothing of when it began.
        (&[(60, 0), (60, 0), (3, 1), (60, 0), (60, 0)], None, &["c0", "c1", "c2"]),
        // Mended since: the clean attempts behind do not make the old rate look small.
        (&[(60, 0), (60, 12), (60, 12), (60, 11), (600, 0)], Some("c0"), &["c1"]),
    ] {
        let onset = onset(&commits(shares)).unwrap();
        assert_eq!(onset.last_clean.as_deref(), last_clean, "{shares:?}");
        assert_eq!(onset.could_be, could_be, "{shares:?}");
        assert_eq!(onset.could_be.last(), Some(&onset.first_failed));
        assert_eq!((onset.open, onset.luck.is_none()), (last_clean.is_none(), last_clean.is_none()));
        assert!(onset.luck.is_none_or(|luck| luck <= 0.05), "{onset:?}");
    }
    for clean in [&[][..], &[(60, 0)], &[(0, 0), (60, 0)]] {
        assert_eq!(onset(&commits(clean)), None);
        assert_eq!(recovery(&commits(clean)), None);
    }
}

/// With a rate that is known well, the exact test is what the textbook says: `(1 - p)^k`.
#[test]
fn luck_approaches_the_formula_for_a_known_rate() {
    let luck = |clean: u32| fisher_exact_greater(50_000, 1_000_000, 0, clean);
    for clean in [14_u32, 59, 90] {
        let formula = 0.95_f64.powi(i32::try_from(clean).unwrap());
        assert!((luck(clean) / formula - 1.0).abs() < 0.01, "{clean}: {} {formula}", luck(clean));
    }
}

#[test]
fn a_test_is_clean_since_the_commit_behind_its_last_failure() {
    for (shares, clean_since, clean, at_most, could_be) in [
        (&[(60, 12), (60, 12)][..], None, 0, 1.0, &[][..]),
        (&[(60, 12), (60, 12), (60, 0)], Some("c2"), 60, 0.0487, &["c2"]),
        // 3 clean attempts show nothing, 100 do; which commit mended it, only those before which it was not luck are told.
        (&[(60, 12), (60, 12), (3, 0)], Some("c2"), 3, 0.6316, &[]),
        (
            &[(60, 12), (60, 12), (3, 0), (4, 0), (100, 0), (100, 0)],
            Some("c2"),
            207,
            0.01437,
            &["c2", "c3", "c4"],
        ),
        // One failure at one commit: whether anything was mended, nobody knows.
        (&[(60, 0), (3, 1), (60, 0)], Some("c2"), 60, 0.0487, &[]),
    ] {
        let found = recovery(&commits(shares)).unwrap();
        assert_eq!(found.clean_since.as_deref(), clean_since, "{shares:?}");
        assert_eq!(
            (found.clean, &found.could_be[..]),
            (clean, could_be.map_owned().as_slice()),
            "{shares:?}"
        );
        assert!((found.at_most - at_most).abs() < 5e-5, "{shares:?}: {}", found.at_most);
        assert_eq!(found.is_shown(), !could_be.is_empty(), "{shares:?}");
    }
}

trait Owned {
    fn map_owned(&self) -> Vec<String>;
}

impl Owned for &[&str] {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

/// The planted story, many times over: stable, flaky from one commit on, mended at another. The true commits are in the ranges
/// in at least 95 of 100 stories, whatever the rate and however few attempts there are per commit.
#[test]
fn the_commits_that_did_it_are_in_the_ranges() {
    let mut chance = Chance::new(20_261_129);
    for (rate, attempts) in [(0.05, 60), (0.02, 60), (0.2, 20), (0.5, 3), (0.05, 10)] {
        let (mut told, mut began_within, mut ended_within, mut length) = (0, 0, 0, 0);
        for _ in 0..1000 {
            let shares: Vec<(u32, u32)> = (1..=25)
                .map(|commit| {
                    (attempts, if (7..15).contains(&commit) { chance.failures(attempts, rate) } else { 0 })
                })
                .collect();
            let known = commits(&shares);
            let (Some(began), Some(ended)) = (onset(&known), recovery(&known)) else { continue };
            told += 1;
            length += began.could_be.len();
            // `c6` is the seventh commit, `c14` the fifteenth.
            began_within += u32::from(began.could_be.iter().any(|commit| commit == "c6"));
            ended_within +=
                u32::from(!ended.is_shown() || ended.could_be.iter().any(|commit| commit == "c14"));
        }
        let share = |count: u32| f64::from(count) / f64::from(told);
        let case =
            format!("{rate} {attempts}: {told} {} {} {length}", share(began_within), share(ended_within));
        println!("{case}");
        assert!(told > 300, "{case}");
        // Less two standard errors of the simulation.
        assert!(share(began_within) > 0.936 && share(ended_within) > 0.936, "{case}");
    }
}
