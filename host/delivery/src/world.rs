//! What the courier needs of the world, so that tests can stand in for it: variables, and time that passes.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::web::wait::Backoff;
use crate::web::{Call, Line, NoReply, Origin, Reply, Via};

/// Reads a variable of the environment. An empty one counts as absent: that is how CI platforms hand over secrets that
/// do not exist.
#[derive(Clone)]
pub struct Environment(Arc<Read>);

type Read = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// Variables as this function tells them.
    pub fn new(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// The variable's value, when there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.trim().is_empty())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

/// Time: which it is, and waiting for it to pass.
pub trait Clock: Send + Sync {
    /// Which time it is.
    fn now(&self) -> SystemTime;

    /// Waits.
    fn pause(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The machine's.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn pause(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Chance from a seed, to scatter those who wait for the same thing. It keeps no secret.
#[derive(Debug)]
pub(crate) struct Chance(Mutex<u64>);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// Somewhere between half of `pause` and all of it.
    pub(crate) fn scatter(&self, pause: Duration) -> Duration {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // SplitMix64: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let bits = (z ^ (z >> 31)) >> 11;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let share = bits as f64 / (1_u64 << 53) as f64;
        pause.mul_f64(0.5 + share / 2.0)
    }
}

/// Most requests that are made for one. The time for them ends sooner, as a rule.
const TRIES: u32 = 8;

/// What an answer leads to.
pub(crate) enum Step<T, E> {
    /// That was it.
    Done(Result<T, E>),
    /// Once more, after this rest or one that grows; the error, where there is no time for that.
    Again(Option<Duration>, E),
}

/// Everything outside of this crate, in one place: variables, time, connections.
pub struct World {
    pub(crate) environment: Environment,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Chance,
    pub(crate) line: Line,
}

impl World {
    /// `seed`: scatters those who wait for the same thing; the run's own will do.
    #[must_use]
    pub fn new(environment: Environment, clock: Arc<dyn Clock>, seed: u64) -> Arc<Self> {
        let line = Line::new(&environment);
        Arc::new(Self { environment, clock, chance: Chance::new(seed), line })
    }

    /// Asks until `judge` is content, or there is no time left.
    pub(crate) async fn ask<T, E>(
        &self,
        call: &Call,
        via: Via,
        limit: usize,
        judge: impl Fn(Result<Reply, NoReply>, u32) -> Step<T, E>,
    ) -> Result<T, E> {
        let began = self.clock.now();
        let mut backoff = Backoff::new();
        let mut tries = 0;
        loop {
            tries += 1;
            let reply = self.line.exchange(call, via, limit).await;
            let (rest, error) = match judge(reply, tries) {
                Step::Done(result) => return result,
                Step::Again(rest, error) => (rest, error),
            };
            // A rest that was asked for is kept whole; the pause after it scatters those who waited for the same.
            let pause = rest.unwrap_or_default().saturating_add(backoff.pause(&self.chance));
            let elapsed = self.clock.now().duration_since(began).unwrap_or_default();
            if tries == TRIES || elapsed.saturating_add(pause) > self.line.patience.total {
                return Err(error);
            }
            self.clock.pause(pause).await;
        }
    }

    /// How the requests to an origin that the user has named are made.
    pub(crate) const fn way(origin: &Origin) -> Via {
        if origin.is_clear() { Via::Here } else { Via::Named }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("line", &self.line).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_none() {
        let environment = Environment::new(|name| (name != "NO").then(|| " \n".replace('\n', name)));
        assert_eq!(environment.get("NO"), None);
        assert_eq!(environment.get("YES").as_deref(), Some(" YES"));
        assert_eq!(environment.get(""), None);
    }

    #[test]
    fn pauses_scatter_over_half_of_them_and_are_the_same_for_a_seed() {
        let (a, b) = (Chance::new(7), Chance::new(7));
        let full = Duration::from_secs(10);
        let drawn: Vec<_> = (0..200).map(|_| a.scatter(full)).collect();
        assert!(drawn.iter().all(|p| *p >= full / 2 && *p <= full));
        assert!(drawn.iter().min().unwrap() < &Duration::from_millis(5300));
        assert!(drawn.iter().max().unwrap() > &Duration::from_millis(9700));
        assert_eq!(drawn, (0..200).map(|_| b.scatter(full)).collect::<Vec<_>>());
    }
}
