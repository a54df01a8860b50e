//! How long to wait before asking again.

use std::time::Duration;

use crate::chance::random;

/// Waits that double, with jitter, between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub first: Duration,
    /// No wait is longer.
    pub most: Duration,
}

impl Backoff {
    /// The wait after `failures` in a row, one or more: between half and the whole of `first × 2^(failures − 1)`, so
    /// that workers whose platform went away together do not come back together.
    pub(super) fn after(self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(31));
        let whole = self.first.saturating_mul(doubled).min(self.most);
        let half = whole / 2;
        let spread = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).saturating_add(1);
        half + Duration::from_nanos(random() % spread)
    }
}

/// What an answer says about when to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    /// It brought something: ask again at once.
    Useful,
    /// Nothing, after `held` of waiting on the platform's side.
    Nothing { held: Duration },
    /// Not now, and it is nobody's fault.
    NotYet,
    /// Something is wrong there, or with what we send.
    Wrong,
    /// The connection was of no use. The first one in a row may have been a stale one out of the pool, from before
    /// the process was put to sleep: ask again at once.
    Unconnected,
    /// Too many requests.
    TooMany,
}

/// Waits between requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// An empty answer that came sooner was not held by the platform, and counts towards `empty`. A platform that
    /// holds requests answers after tens of seconds, so that one second is clearly neither.
    pub held_at_least: Duration,
    /// After empty answers that came at once. The most is small: this is the delay that a job sees.
    pub empty: Backoff,
    /// After refusals that are expected while a worker wakes up (status 400): short for the same reason.
    pub not_yet: Backoff,
    /// After errors. The most is what a worker, paid by the second, idles after the platform came back.
    pub wrong: Backoff,
    /// After status 429; RunPod's own SDK waits as long.
    pub too_many: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self {
            held_at_least: millis(1_000),
            empty: Backoff { first: millis(50), most: millis(1_000) },
            not_yet: Backoff { first: millis(100), most: millis(2_000) },
            wrong: Backoff { first: millis(250), most: millis(10_000) },
            too_many: millis(5_000),
        }
    }
}

/// Remembers what came before.
#[derive(Debug)]
pub(super) struct Pace {
    waits: Waits,
    empty: u32,
    not_yet: u32,
    wrong: u32,
}

impl Pace {
    pub(super) const fn new(waits: Waits) -> Self {
        Self { waits, empty: 0, not_yet: 0, wrong: 0 }
    }

    /// How long to wait after an answer.
    pub(super) fn after(&mut self, hint: Hint) -> Duration {
        let Self { waits, .. } = *self;
        let before = (self.empty, self.not_yet, self.wrong);
        (self.empty, self.not_yet, self.wrong) = (0, 0, 0);
        match hint {
            Hint::Useful => Duration::ZERO,
            Hint::Nothing { held } if held >= waits.held_at_least => Duration::ZERO,
            Hint::Nothing { .. } => {
                self.empty = before.0.saturating_add(1);
                waits.empty.after(self.empty)
            }
            Hint::NotYet => {
                self.not_yet = before.1.saturating_add(1);
                waits.not_yet.after(self.not_yet)
            }
            Hint::Wrong => {
                self.wrong = before.2.saturating_add(1);
                waits.wrong.after(self.wrong)
            }
            Hint::Unconnected => {
                self.wrong = before.2.saturating_add(1);
                if self.wrong == 1 { Duration::ZERO } else { waits.wrong.after(self.wrong - 1) }
            }
            Hint::TooMany => {
                // Asking at other times than everybody else who was told the same.
                let spread = waits.too_many / 10;
                waits.too_many + spread.mul_f64(f64::from(u8::try_from(random() % 256).unwrap_or(0)) / 255.0)
            }
        }
    }

    /// How many errors there were in a row.
    pub(super) const fn errors(&self) -> u32 {
        self.wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[test]
    fn waits_double_up_to_the_most_with_half_of_it_by_chance() {
        let backoff = Backoff { first: ms(100), most: ms(1_000) };
        for (failures, most) in
            [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1_000), (99, 1_000), (u32::MAX, 1_000)]
        {
            let drawn: Vec<Duration> = (0..200).map(|_| backoff.after(failures)).collect();
            assert!(
                drawn.iter().all(|wait| (ms(most / 2)..=ms(most)).contains(wait)),
                "{failures}: {drawn:?}"
            );
            assert!(drawn.iter().any(|wait| *wait != drawn[0]), "no jitter after {failures}");
        }
    }

    #[test]
    fn only_what_needs_a_wait_gets_one() {
        let waits = Waits::default();
        let fast = Hint::Nothing { held: ms(3) };
        let held = Hint::Nothing { held: ms(20_000) };
        for (name, hints, least, most) in [
            ("a job", vec![Hint::Wrong, Hint::Useful], ms(0), ms(0)),
            ("nothing, held", vec![fast, held], ms(0), ms(0)),
            ("nothing, at once", vec![fast], ms(25), ms(50)),
            ("nothing, at once, for long", vec![fast; 20], ms(500), ms(1_000)),
            ("nothing again after a job", vec![fast, fast, fast, Hint::Useful, fast], ms(25), ms(50)),
            ("waking up", vec![Hint::NotYet], ms(50), ms(100)),
            ("waking up for long", vec![Hint::NotYet; 20], ms(1_000), ms(2_000)),
            ("an error", vec![Hint::Wrong], ms(125), ms(250)),
            ("errors for long", vec![Hint::Wrong; 20], ms(5_000), ms(10_000)),
            ("a stale connection", vec![Hint::Useful, Hint::Unconnected], ms(0), ms(0)),
            ("no connection twice", vec![Hint::Unconnected; 2], ms(125), ms(250)),
            ("no connection for long", vec![Hint::Unconnected; 20], ms(5_000), ms(10_000)),
            ("too many", vec![Hint::TooMany], ms(5_000), ms(5_500)),
        ] {
            let mut pace = Pace::new(waits);
            let wait = hints.into_iter().map(|hint| pace.after(hint)).last().unwrap();
            assert!((least..=most).contains(&wait), "{name}: {wait:?}");
        }
    }
}
