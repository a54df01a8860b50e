//! How fast an endpoint may be asked, and how long to wait before asking again.
//!
//! RunPod counts requests per operation in windows of ten seconds, and those under way at once; what is too much is
//! answered with 429. It counts when a request *arrives*, which a client cannot see: only that it was between sending and
//! the answer. So a request counts here from before it is sent until ten seconds after its answer. Then at no moment more than
//! the allowance can have arrived within the last ten seconds, however long anything took on its way.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// RunPod's window.
const WINDOW: Duration = Duration::from_secs(10);
/// Added to it: clocks differ, and a request that was given up may still arrive.
const LATE: Duration = Duration::from_millis(500);
/// First pause before asking again: longer than a hiccup of a connection, hardly felt by a person.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause: a platform that comes back is noticed within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What RunPod allows for one operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// Requests per window.
    pub(super) per_window: usize,
    /// Requests under way.
    pub(super) at_once: usize,
}

impl Allowance {
    /// A tenth is left to others who use the same endpoint: a person with a browser, a second run.
    pub(super) const fn of(per_window: usize, at_once: usize) -> Self {
        Self { per_window: per_window - per_window.div_ceil(10), at_once: at_once - at_once.div_ceil(10) }
    }
}

/// Keeps one operation within its allowance.
#[derive(Debug)]
pub(super) struct Pace {
    allowance: Allowance,
    state: Mutex<State>,
    /// Whoever holds it is the next to go; the others queue up behind, in the order in which they came.
    turn: tokio::sync::Mutex<()>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    under_way: usize,
    /// When the requests ended that still count, oldest first.
    ended: VecDeque<Instant>,
    /// Requests per window, now: fewer after a 429.
    per_window: usize,
    /// When it was last raised or lowered.
    adjusted: Instant,
    resting_until: Option<Instant>,
}

/// A request under way; dropped when it has ended.
#[derive(Debug)]
pub(super) struct Permit<'a>(&'a Pace);

impl Pace {
    pub(super) fn new(allowance: Allowance) -> Self {
        let state = State {
            under_way: 0,
            ended: VecDeque::new(),
            per_window: allowance.per_window,
            adjusted: Instant::now(),
            resting_until: None,
        };
        Self {
            allowance,
            state: Mutex::new(state),
            turn: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
        }
    }

    /// Waits until a request may be sent.
    pub(super) async fn enter(&self) -> Permit<'_> {
        let _turn = self.turn.lock().await;
        loop {
            let Some(again) = self.try_enter(Instant::now()) else {
                return Permit(self);
            };
            match again {
                Again::At(time) => tokio::select! {
                    () = sleep_until(time) => {}
                    () = self.changed.notified() => {}
                },
                Again::WhenOneEnds => self.changed.notified().await,
            }
        }
    }

    /// `None` when it may go.
    fn try_enter(&self, now: Instant) -> Option<Again> {
        let mut state = self.lock();
        if let Some(until) = state.resting_until.filter(|until| *until > now) {
            return Some(Again::At(until));
        }
        state.recover(now, self.allowance.per_window);
        while state.ended.front().is_some_and(|end| *end + WINDOW + LATE <= now) {
            state.ended.pop_front();
        }
        if state.under_way >= self.allowance.at_once {
            return Some(Again::WhenOneEnds);
        }
        if state.under_way + state.ended.len() < state.per_window {
            state.under_way += 1;
            return None;
        }
        Some(state.ended.front().map_or(Again::WhenOneEnds, |oldest| Again::At(*oldest + WINDOW + LATE)))
    }

    /// The platform answered 429 and wants `rest`: nothing goes until then, and afterwards only half as much. Answers to
    /// requests that were sent before the rest began count as one.
    pub(super) fn slow_down(&self, rest: Duration) {
        let now = Instant::now();
        let mut state = self.lock();
        if state.resting_until.is_none_or(|until| until <= now) {
            state.per_window = (state.per_window / 2).max(1);
            state.adjusted = now + rest;
        }
        let until = state.resting_until.unwrap_or(now).max(now + rest);
        state.resting_until = Some(until);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A tenth more per window without a 429.
    fn recover(&mut self, now: Instant, full: usize) {
        while self.per_window < full && self.adjusted + WINDOW <= now {
            self.per_window = (self.per_window + full.div_ceil(10)).min(full);
            self.adjusted += WINDOW;
        }
        if self.per_window == full {
            self.adjusted = now;
        }
    }
}

/// When it is worth looking again.
enum Again {
    At(Instant),
    WhenOneEnds,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.under_way -= 1;
        state.ended.push_back(Instant::now());
        drop(state);
        self.0.changed.notify_one();
    }
}

/// Pauses between tries: doubling, each somewhere between half of it and all of it, so that many clients that failed
/// together do not come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { next: FIRST_PAUSE }
    }

    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        jittered(pause)
    }
}

/// Somewhere between half of `pause` and all of it.
pub(crate) fn jittered(pause: Duration) -> Duration {
    // The standard library's hasher is keyed at random: chance enough to spread requests, and no crate for it.
    let bits = RandomState::new().build_hasher().finish() >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let share = bits as f64 / (1_u64 << 53) as f64;
    pause.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::{advance, sleep};

    use super::*;

    /// A server that counts what arrives in the last ten seconds, and what is there at once.
    #[derive(Default)]
    struct Strict {
        arrivals: VecDeque<Instant>,
        inside: usize,
        most_in_window: usize,
        most_inside: usize,
    }

    async fn one(pace: Arc<Pace>, server: Arc<Mutex<Strict>>, there: u64, back: u64) {
        let permit = pace.enter().await;
        sleep(Duration::from_millis(there)).await;
        {
            let mut s = server.lock().unwrap();
            let now = Instant::now();
            s.arrivals.push_back(now);
            let window = Duration::from_secs(10);
            while s.arrivals.front().is_some_and(|a| *a + window <= now) {
                s.arrivals.pop_front();
            }
            s.inside += 1;
            s.most_in_window = s.most_in_window.max(s.arrivals.len());
            s.most_inside = s.most_inside.max(s.inside);
        }
        sleep(Duration::from_millis(back)).await;
        server.lock().unwrap().inside -= 1;
        drop(permit);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_counts_arrivals_never_sees_too_many_however_late_they_come() {
        let pace = Arc::new(Pace::new(Allowance { per_window: 50, at_once: 20 }));
        let server = Arc::new(Mutex::new(Strict::default()));
        let began = Instant::now();
        let tasks: Vec<_> = (0..400_u64)
            .map(|i| tokio::spawn(one(pace.clone(), server.clone(), i * 7919 % 3000, i * 104_729 % 900)))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let seen = server.lock().unwrap();
        assert!(seen.most_in_window <= 50, "{}", seen.most_in_window);
        assert!(seen.most_inside <= 20, "{}", seen.most_inside);
        // And it is not much slower than it has to be: 8 windows of 50, each longer by the way there and back.
        assert!(began.elapsed() < Duration::from_secs(8 * 15), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_rests_everyone_halves_the_pace_once_and_recovers() {
        let pace = Pace::new(Allowance { per_window: 40, at_once: 40 });
        let began = Instant::now();
        drop(pace.enter().await);
        // A burst of refusals is one refusal.
        for _ in 0..5 {
            pace.slow_down(Duration::from_secs(3));
        }
        drop(pace.enter().await);
        assert_eq!(began.elapsed(), Duration::from_secs(3));
        assert_eq!(pace.lock().per_window, 20);
        advance(Duration::from_secs(25)).await;
        drop(pace.enter().await);
        assert_eq!(pace.lock().per_window, 28);
        advance(Duration::from_secs(3600)).await;
        drop(pace.enter().await);
        assert_eq!(pace.lock().per_window, 40);
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_leaves_the_queue() {
        let pace = Arc::new(Pace::new(Allowance { per_window: 1, at_once: 1 }));
        let held = pace.enter().await;
        tokio::time::timeout(Duration::from_secs(1), pace.enter()).await.unwrap_err();
        drop(held);
        tokio::time::timeout(Duration::from_secs(11), pace.enter()).await.unwrap();
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_scatter() {
        let mut backoff = Backoff::new();
        for full in [250, 500, 1000, 2000, 4000, 5000, 5000] {
            let pause = backoff.pause();
            let full = Duration::from_millis(full);
            assert!(pause >= full / 2 && pause <= full, "{pause:?} of {full:?}");
        }
        let drawn: std::collections::BTreeSet<_> = (0..100).map(|_| jittered(WINDOW)).collect();
        assert!(drawn.len() > 90);
    }

    #[test]
    fn a_tenth_is_left_to_others() {
        for ((window, once), expected) in
            [((1000, 200), (900, 180)), ((100, 20), (90, 18)), ((20, 2), (18, 1))]
        {
            let a = Allowance::of(window, once);
            assert_eq!((a.per_window, a.at_once), expected);
        }
    }
}
