//! A shard: raw attempts, streamed as they end and handed over together at the end.

use std::pin::pin;
use std::time::Duration;

use flaky_config::job::ShardInput;
use flaky_engine::cancel::Cancel;
use flaky_engine::shard::{ShardError, ShardPart, ShardRequest, run_shard};
use flaky_runpod::wire::{Packer, PackerLimits, ShardHead, ShardOrder, WireError, unpack_order};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::place::Place;
use super::settings::Settings;
use super::{failed, stopping, with_hint};
use crate::job::{Answer, JobContext};

/// How long an attempt waits for others before it is streamed: whoever follows sees it about as soon as it could ask,
/// and a shard of short attempts makes a request a second, not one for each.
const FLUSH: Duration = Duration::from_secs(1);

/// Attempts that may wait to be packed; more would only fill memory.
const PARTS_WAITING: usize = 4;

pub(super) async fn run(settings: &Settings, input: ShardInput, context: &JobContext) -> Answer {
    let ShardInput { order, git_token } = input;
    let order = match read(order).await {
        Ok(order) => order,
        Err(error) => return failed(with_hint(&error.to_string(), error.hint())),
    };
    let place = match Place::make(settings) {
        Ok(place) => place,
        Err(error) => return failed(format!("no folder for the job: {error}")),
    };
    let cancel = Cancel::default();
    let request = ShardRequest {
        order,
        checkout: place.checkout(settings, git_token.as_ref()),
        folders: settings.folders.clone(),
        environment: place.environment(settings),
        launcher: settings.launcher.clone(),
        cancel: cancel.clone(),
        run_as: settings.run_as,
    };
    let answer = conduct(request, &cancel, context).await;
    place.close();
    answer
}

/// Orders are megabytes of compressed data.
async fn read(order: Value) -> Result<ShardOrder, WireError> {
    let read = tokio::task::spawn_blocking(move || unpack_order(&order)).await;
    read.unwrap_or_else(|panic| Err(WireError::Refused(format!("reading it broke: {panic}"))))
}

async fn conduct(request: ShardRequest, cancel: &Cancel, context: &JobContext) -> Answer {
    let (sender, mut parts) = mpsc::channel(PARTS_WAITING);
    let mut running = pin!(async move { run_shard(request, &sender).await });
    let mut stop = pin!(stopping(&context.stop, cancel));
    let mut stream = Stream { packer: Some(Packer::new(PackerLimits::default())), context };
    let mut ticks = interval(FLUSH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ended = loop {
        tokio::select! {
            // What came goes first: when all has come, the head is returned.
            biased;
            Some(part) = parts.recv() => stream.take(part).await,
            ended = &mut running => break ended,
            _ = ticks.tick() => stream.flush().await,
            () = &mut stop => {}
        }
    };
    // `running` has ended, and its sender with it: what is still there was sent before.
    while let Ok(part) = parts.try_recv() {
        stream.take(part).await;
    }
    stream.flush().await;
    match ended {
        _ if context.stop.is_cancelled() => Answer::Stopped,
        Ok(head) => stream.finish(head).await,
        Err(ShardError::Exec(error)) => failed(with_hint(&error.to_string(), error.hint())),
        Err(error) => failed(error.to_string()),
    }
}

/// What goes back. Compressing megabytes is nothing for a thread that others wait on, so it is done elsewhere.
struct Stream<'c> {
    /// `None` when packing broke.
    packer: Option<Packer>,
    context: &'c JobContext,
}

impl Stream<'_> {
    async fn take(&mut self, part: ShardPart) {
        let chunks = match part {
            // The output holds it as well: a head that is too large for a chunk is not lost.
            ShardPart::Head(head) => {
                self.pack(move |packer| packer.head_chunk(&head).into_iter().collect()).await
            }
            ShardPart::Attempt(attempt) => self.pack(move |packer| packer.push(*attempt)).await,
        };
        for chunk in chunks {
            self.context.chunk(chunk).await;
        }
    }

    async fn flush(&mut self) {
        let waiting = self.pack(|packer| std::iter::from_fn(|| packer.flush()).collect()).await;
        for chunk in waiting {
            self.context.chunk(chunk).await;
        }
    }

    async fn pack(&mut self, work: impl FnOnce(&mut Packer) -> Vec<Value> + Send + 'static) -> Vec<Value> {
        let Some(mut packer) = self.packer.take() else { return Vec::new() };
        let packed = tokio::task::spawn_blocking(move || {
            let chunks = work(&mut packer);
            (packer, chunks)
        });
        match packed.await {
            Ok((packer, chunks)) => {
                self.packer = Some(packer);
                chunks
            }
            // Said when the output is asked for.
            Err(_) => Vec::new(),
        }
    }

    async fn finish(self, head: ShardHead) -> Answer {
        let Some(packer) = self.packer else {
            return failed("packing the shard's attempts broke".to_owned());
        };
        match tokio::task::spawn_blocking(move || packer.finish(&head)).await {
            Ok(Ok(output)) => Answer::Output(output),
            Ok(Err(error)) => failed(with_hint(&error.to_string(), error.hint())),
            Err(panic) => failed(format!("packing the shard's output broke: {panic}")),
        }
    }
}
