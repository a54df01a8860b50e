//! Inputs of jobs: orders packed, and how many attempts fit into one.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use flaky_core::ids::AttemptIndex;
use flaky_core::report::IsolationUsed;
use flaky_runpod::fleet::{FleetError, Orders};
use flaky_runpod::wire::{WireError, pack_order};
use serde_json::{Value, json};

use super::RemoteError;
use super::order::{Ready, Template};

/// Inputs of jobs.
pub(super) struct ShardOrders {
    pub(super) template: Arc<Template>,
    pub(super) ready: BTreeMap<AttemptIndex, Ready>,
    /// The best isolation that attempts may have.
    pub(super) level: IsolationUsed,
    /// Attempts side by side.
    pub(super) parallelism: u32,
}

impl ShardOrders {
    fn pack(&self, shard: u32, attempts: &[AttemptIndex]) -> Result<Value, WireError> {
        let ready: Vec<Ready> = attempts.iter().filter_map(|i| self.ready.get(i)).cloned().collect();
        let order = self.template.order(shard, self.level, self.parallelism, &ready);
        Ok(json!({ "shard": pack_order(&order)? }))
    }
}

impl Orders for ShardOrders {
    fn input(&self, shard: u32, attempts: &[AttemptIndex]) -> Result<Value, String> {
        self.pack(shard, attempts).map_err(|e| e.to_string())
    }
}

/// How many of the attempts fit into one order: halved until it does. Attempts are nearly the same, so what holds for the
/// first ones holds for the others.
pub(super) async fn most_in_an_order(
    orders: Arc<ShardOrders>,
    attempts: Vec<AttemptIndex>,
) -> Result<NonZeroU32, RemoteError> {
    let fit = move || {
        let mut most = attempts.len().max(1);
        loop {
            match orders.pack(u32::MAX, attempts.get(..most).unwrap_or(&attempts)) {
                Ok(_) => return Ok(most),
                Err(WireError::TooLarge { .. }) if most > 1 => most /= 2,
                Err(error) => return Err(error),
            }
        }
    };
    let broken = |e: tokio::task::JoinError| FleetError::Broken { why: e.to_string() };
    let most = tokio::task::spawn_blocking(fit).await.map_err(broken)??;
    Ok(u32::try_from(most).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MAX))
}
