//! How attempts are cut into shards.

use std::num::NonZeroU32;
use std::time::Duration;

use flaky_core::ids::AttemptIndex;

/// A shard is not shorter than this, if that can be helped: taking a job, fetching sources and looking at the installation
/// costs about a second, on a worker that is billed by the second.
const SHORTEST: Duration = Duration::from_secs(5);
/// Workers start at different times and run at different speeds, and even out when each takes several shards. Shards need
/// not be shorter than this for it: then what a shard costs beside its attempts stays below a tenth.
const EVEN: Duration = Duration::from_secs(20);
/// A shard is not longer than this, if that can be helped: that much is lost with it.
const LONGEST: Duration = Duration::from_secs(60);
/// Shards per worker to aim at.
const PER_WORKER: u32 = 4;
/// The same, when nobody knows how long an attempt takes.
const PER_WORKER_BLIND: u32 = 2;
/// Nothing that starts a process is faster.
const FASTEST: Duration = Duration::from_millis(1);

/// What is known about a run before it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutting {
    /// The user's word on the number of shards. There are fewer when there are fewer attempts, and more when they would
    /// not fit.
    pub fixed: Option<NonZeroU32>,
    /// How long an attempt takes beside `parallelism` - 1 others, when that was measured.
    pub attempt: Option<Duration>,
    /// Attempts that a worker makes side by side.
    pub parallelism: NonZeroU32,
    /// Workers to expect.
    pub workers: NonZeroU32,
    /// Most attempts that fit into one job, by the sizes of what is sent and of what comes back.
    pub most: NonZeroU32,
}

/// Cuts attempts into shards of nearly equal size, in their order. None is empty.
#[must_use]
pub fn shards(attempts: &[AttemptIndex], cutting: &Cutting) -> Vec<Vec<AttemptIndex>> {
    let total = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
    if total == 0 {
        return Vec::new();
    }
    let count = match cutting.fixed {
        Some(fixed) => fixed.get(),
        None => count(total, cutting),
    };
    let count = count.max(total.div_ceil(cutting.most.get())).min(total) as usize;
    let (least, larger) = (attempts.len() / count, attempts.len() % count);
    let mut rest = attempts;
    (0..count)
        .map(|i| {
            let (shard, after) = rest.split_at(least + usize::from(i < larger));
            rest = after;
            shard.to_vec()
        })
        .collect()
}

/// How many shards `total` attempts are worth.
fn count(total: u32, cutting: &Cutting) -> u32 {
    let workers = cutting.workers.get();
    let Some(attempt) = cutting.attempt else {
        return workers.saturating_mul(PER_WORKER_BLIND);
    };
    let attempt = attempt.max(FASTEST);
    let side_by_side = cutting.parallelism.get();
    // Rounds of attempts side by side that a worker makes, and that a shard of some length makes.
    let rounds = total.div_ceil(side_by_side.saturating_mul(workers));
    let per_worker = attempt.saturating_mul(rounds);
    let rounds_in =
        |time: Duration| (time.as_nanos() / attempt.as_nanos()).try_into().unwrap_or(u32::MAX).max(1);
    let aim = rounds_in((per_worker / PER_WORKER).clamp(EVEN, LONGEST)).saturating_mul(side_by_side);
    let least = rounds_in(SHORTEST).saturating_mul(side_by_side);
    // Every worker gets something, as long as it is worth the trouble.
    let size = aim.min(total.div_ceil(workers).max(least)).min(cutting.most.get());
    let count = total.div_ceil(size);
    // A last round in which some workers have nothing to do is a waste of time, not of money; avoid it.
    if count > workers { count.next_multiple_of(workers) } else { count }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).unwrap()
    }

    fn indices(n: u32) -> Vec<AttemptIndex> {
        (0..n).map(AttemptIndex).collect()
    }

    /// Attempts, milliseconds per attempt (0: unknown), side by side, workers, most per shard, fixed (0: free).
    type Row = (u32, u64, u32, u32, u32, u32);

    fn cut((total, ms, parallelism, workers, most, fixed): Row) -> Vec<Vec<AttemptIndex>> {
        let cutting = Cutting {
            fixed: NonZeroU32::new(fixed),
            attempt: (ms > 0).then(|| Duration::from_millis(ms)),
            parallelism: some(parallelism),
            workers: some(workers),
            most: some(most),
        };
        shards(&indices(total), &cutting)
    }

    #[test]
    fn shards_are_long_enough_to_be_worth_it_and_short_enough_to_lose() {
        let any = u32::MAX;
        let table: [(Row, usize, usize); 17] = [
            // What, number of shards, size of the largest.
            ((1000, 1000, 1, 20, any, 0), 60, 17), // 50 s per worker: three shards of 17 s each
            ((1000, 1000, 4, 20, any, 0), 20, 50), // 13 s per worker: one shard each
            ((10_000, 1000, 4, 5, any, 0), 45, 223), // 500 s per worker: shards of 56 s
            ((30, 1000, 4, 3, any, 0), 2, 15),     // shorter than 5 s is not worth a third worker
            ((30, 100, 4, 3, any, 0), 1, 30),      // all of it takes 0.75 s
            ((100, 600_000, 4, 3, any, 0), 27, 4), // an attempt longer than any shard: one round each
            ((100, 0, 4, 3, any, 0), 6, 17),       // nothing known: two per worker
            ((3, 0, 4, 8, any, 0), 3, 1),          // no empty shards
            ((1, 1000, 1, 1, any, 0), 1, 1),
            ((0, 1000, 1, 1, any, 0), 0, 0),
            ((0, 0, 1, 1, 1, 7), 0, 0),
            ((100, 1000, 4, 3, 10, 0), 12, 9),                   // by size
            ((100, 0, 4, 3, 10, 0), 10, 10),                     // by size, nothing known
            ((100, 1000, 4, 3, any, 7), 7, 15),                  // the user's word
            ((5, 1000, 4, 3, any, 7), 5, 1),                     // but none is empty
            ((100, 1000, 4, 3, 10, 7), 10, 10),                  // and all fit
            ((any / 4_000_000, 1, any, any, any, any), 1073, 1), // numbers that would overflow
        ];
        for (row, count, largest) in table {
            let shards = cut(row);
            let max = shards.iter().map(Vec::len).max().unwrap_or(0);
            assert_eq!((shards.len(), max), (count, largest), "{row:?}");
        }
    }

    proptest! {
        #[test]
        fn every_attempt_is_in_exactly_one_shard_and_none_is_too_large(
            total in 0_u32..3000, ms in 0_u64..200_000, parallelism in 1_u32..70, workers in 1_u32..70,
            most in 1_u32..500, fixed in 0_u32..300,
        ) {
            let shards = cut((total, ms, parallelism, workers, most, fixed));
            prop_assert_eq!(shards.concat(), indices(total));
            let sizes: Vec<_> = shards.iter().map(Vec::len).collect();
            if let (Some(least), Some(largest)) = (sizes.iter().min(), sizes.iter().max()) {
                prop_assert!(*least >= 1 && *largest <= most as usize && largest - least <= 1);
            }
        }
    }
}
