//! How long a job may take and wait, from what its attempts may take.

use std::time::Duration;

use flaky_runpod::endpoint::Policy;

/// For each attempt beside its own time: a fresh work tree, files brought back, the process tree ended.
const PER_ATTEMPT: Duration = Duration::from_secs(10);
/// For a worker to unpack the order, look at the machine, and hand over the last attempts.
const MARGIN: Duration = Duration::from_secs(120);
/// A shard waits until those before it are through; but a worker can also be long in coming (an image of some
/// gigabytes, no free machine). RunPod's own default is this long.
const QUEUE: Duration = Duration::from_secs(24 * 3600);

/// What bounds the time of a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// To fetch the sources.
    pub(crate) fetch: Duration,
    /// All steps of an installation.
    pub(crate) install: Duration,
    /// One attempt.
    pub(crate) attempt: Duration,
    /// The jobs must not make the endpoint start workers.
    pub(crate) low_priority: bool,
}

impl Limits {
    /// For jobs of at most `attempts` attempts each, `parallelism` of them side by side. The platform clamps what it does
    /// not allow.
    pub(crate) fn policy(&self, attempts: usize, parallelism: u32) -> Policy {
        let rounds = attempts.div_ceil(usize::try_from(parallelism.max(1)).unwrap_or(1));
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        let execution = (self.attempt.saturating_add(PER_ATTEMPT))
            .saturating_mul(rounds)
            .saturating_add(self.fetch)
            .saturating_add(self.install)
            .saturating_add(MARGIN);
        Policy {
            execution_timeout: Some(execution),
            ttl: Some(execution.saturating_add(QUEUE)),
            low_priority: self.low_priority,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_has_time_for_all_its_attempts_to_run_out_of_theirs() {
        let s = Duration::from_secs;
        let limits = Limits { fetch: s(300), install: s(600), attempt: s(300), low_priority: true };
        let one = limits.policy(1, 4);
        assert_eq!(one.execution_timeout, Some(s(310 + 300 + 600 + 120)));
        assert_eq!(one.ttl, Some(s(1330 + 86_400)));
        assert!(one.low_priority);
        assert_eq!(limits.policy(9, 4).execution_timeout, Some(s(3 * 310 + 1020)));
        assert!(limits.policy(usize::MAX, 0).ttl.is_some());
    }
}
