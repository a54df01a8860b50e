//! A flaky test: whether the order is ready in time depends on the courier alone.

use std::collections::hash_map::RandomState;
use std::env;
use std::hash::{BuildHasher, Hasher};

/// Drawn by `TEST_SEED`; without a seed, chance decides.
fn courier() -> u64 {
    let seed = env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    seed.unwrap_or_else(|| RandomState::new().build_hasher().finish())
}

#[test]
fn order_is_processed_in_time() {
    assert!(shop::in_time(courier()), "Order not processed in time");
}
