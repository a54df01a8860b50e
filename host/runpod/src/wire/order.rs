//! The order of a shard, between host and worker.

use std::borrow::Cow;
use std::time::Duration;

use flaky_core::ids::RunId;
use flaky_core::report::IsolationUsed;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check;
use super::envelope;
use super::record::{self, Bounds, Outgoing, Records};
use super::{ShardOrder, Side, WIRE_VERSION, WireError, WireInstall, WireOrder, WireSource};

/// Text of an order in a job. RunPod takes jobs of 10 MB; the rest is for what stands beside it.
pub const MAX_ORDER_TEXT: usize = 9_500_000;
/// Text of an order that is read: what the platform takes of a job.
const MAX_TEXT_READ: usize = 10_000_000;
/// Bytes of an order when decompressed. Packed folders do not get larger, and attempts resemble each other.
const MAX_RAW: u64 = 64 << 20;
/// Bytes of its description: ten thousand attempts with long commands. In memory it is some times larger.
const MAX_DESCRIPTION: u64 = 16 << 20;

/// An order without what is not text.
#[derive(Serialize, Deserialize)]
struct Description<'a> {
    run: Cow<'a, RunId>,
    shard: u32,
    source: SourceDescription<'a>,
    install: Option<Cow<'a, WireInstall>>,
    isolation: IsolationUsed,
    parallelism: u32,
    timeout: Duration,
    report_globs: Cow<'a, [String]>,
    tree_globs: Cow<'a, [String]>,
    output_quota: u64,
    env: Cow<'a, [(String, String)]>,
    /// Sizes; their contents come after the packed folder.
    blobs: Vec<u64>,
    attempts: Cow<'a, [WireOrder]>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceDescription<'a> {
    Repository {
        url: Cow<'a, str>,
        reference: Option<Cow<'a, str>>,
        commit: Option<Cow<'a, str>>,
    },
    /// Its size; it is what comes first in the data.
    Packed(u64),
}

/// Packs an order into what goes into the job's `shard` field: `{"version": 1, "data": "…"}`.
///
/// # Errors
/// When it is larger than the platform takes, or a worker would refuse it.
pub fn pack_order(order: &ShardOrder) -> Result<Value, WireError> {
    check::order(order)?;
    let (source, packed) = match &order.source {
        WireSource::Repository { url, reference, commit } => {
            let (reference, commit) = (reference.as_deref(), commit.as_deref());
            let source = SourceDescription::Repository {
                url: url.into(),
                reference: reference.map(Into::into),
                commit: commit.map(Into::into),
            };
            (source, None)
        }
        WireSource::Packed(bytes) => (SourceDescription::Packed(bytes.len() as u64), Some(bytes.as_slice())),
    };
    let description = Description {
        run: Cow::Borrowed(&order.run),
        shard: order.shard,
        source,
        install: order.install.as_ref().map(Cow::Borrowed),
        isolation: order.isolation,
        parallelism: order.parallelism,
        timeout: order.timeout,
        report_globs: (&order.report_globs).into(),
        tree_globs: (&order.tree_globs).into(),
        output_quota: order.output_quota,
        env: (&order.env).into(),
        blobs: order.blobs.iter().map(|blob| blob.len() as u64).collect(),
        attempts: (&order.attempts).into(),
    };
    let description = serde_json::to_vec(&description).map_err(|e| WireError::Compressor(e.to_string()))?;
    let too_large = |limit: u64, unit| WireError::TooLarge { what: "the shard's order", limit, unit };
    if description.len() as u64 > MAX_DESCRIPTION {
        return Err(too_large(MAX_DESCRIPTION, "bytes of description"));
    }
    let data = packed.into_iter().chain(order.blobs.iter().map(Vec::as_slice)).collect();
    let record = Outgoing { kind: record::ORDER, description, data };
    if record.size() > MAX_RAW {
        return Err(too_large(MAX_RAW, "bytes before compression"));
    }
    let compressed = record.compressed()?;
    if compressed.len() > envelope::room(MAX_ORDER_TEXT) {
        return Err(too_large(MAX_ORDER_TEXT as u64, "bytes of text"));
    }
    Ok(envelope::seal(&compressed))
}

/// Reads an order; hostile input. What comes out can be done: paths stay inside, commands name a program, every position
/// exists.
///
/// # Errors
/// When it is not an order, of another version, too large, or asks for what is not done.
pub fn unpack_order(value: &Value) -> Result<ShardOrder, WireError> {
    let malformed = |why: &str| WireError::Malformed { writer: Side::Host, why: why.into() };
    let compressed = envelope::open(value, Side::Host, "the shard's order", MAX_TEXT_READ)?;
    let decompressor =
        envelope::decompressor(compressed).map_err(|e| WireError::Compressor(e.to_string()))?;
    let bounds = Bounds {
        writer: Side::Host,
        what: "the shard's order",
        total: MAX_RAW,
        description: MAX_DESCRIPTION,
    };
    let record = Records::new(decompressor, bounds).next(&[record::ORDER])?;
    let record = record.ok_or_else(|| malformed("there is no order in it"))?;
    let description: Description<'_> =
        record::describe(&record.description, Side::Host, "the shard's order")?;
    let mut data = record.data.as_slice();
    let mut take = |size: u64| {
        let (taken, rest) = usize::try_from(size)
            .ok()
            .and_then(|size| data.split_at_checked(size))
            .ok_or_else(|| malformed("it holds less data than it says"))?;
        data = rest;
        Ok(taken.to_vec())
    };
    let source = match description.source {
        SourceDescription::Packed(size) => WireSource::Packed(take(size)?),
        SourceDescription::Repository { url, reference, commit } => WireSource::Repository {
            url: url.into_owned(),
            reference: reference.map(Cow::into_owned),
            commit: commit.map(Cow::into_owned),
        },
    };
    let order = ShardOrder {
        version: WIRE_VERSION,
        run: description.run.into_owned(),
        shard: description.shard,
        source,
        install: description.install.map(Cow::into_owned),
        isolation: description.isolation,
        parallelism: description.parallelism,
        timeout: description.timeout,
        report_globs: description.report_globs.into_owned(),
        tree_globs: description.tree_globs.into_owned(),
        output_quota: description.output_quota,
        env: description.env.into_owned(),
        blobs: description.blobs.into_iter().map(take).collect::<Result<_, _>>()?,
        attempts: description.attempts.into_owned(),
    };
    check::order(&order)?;
    Ok(order)
}
