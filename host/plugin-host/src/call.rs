//! One call: a store and an instance of its own, `configure` first, everything within the limits, and whatever goes
//! wrong by its name.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use wasmtime::Store;
use wasmtime::component::Instance;

use crate::bindings::{guest_error, types};
use crate::error::{Call, PluginError, PluginErrorKind};
use crate::host::{Linked, PluginHost};
use crate::limits::GRACE;
use crate::notes::{Notes, SharedLog};
use crate::state::{State, store};
use crate::trap;

/// A call in wasmtime's terms: a trap, the plugin's own error, or its result.
pub(crate) type Outcome<T> = wasmtime::Result<Result<T, types::PluginError>>;

/// What runs within a call, once the instance is ready.
pub(crate) type Body<'s, T> = Pin<Box<dyn Future<Output = Outcome<T>> + Send + 's>>;

/// Everything that a call needs of its plugin.
pub(crate) struct Caller<'a> {
    pub(crate) host: &'a PluginHost,
    pub(crate) label: &'a str,
    pub(crate) linked: &'a Linked,
    /// JSON for `configure`; `None` before the plugin has described itself.
    pub(crate) settings: Option<&'a String>,
    pub(crate) log: &'a SharedLog,
    /// The most linear memory that a call took.
    pub(crate) peak: &'a AtomicUsize,
}

impl Caller<'_> {
    /// Runs `body` under all limits; `data` bounds what it may hand over. Results are checked by `check` afterwards,
    /// outside of the plugin's time.
    pub(crate) async fn run<T, R>(
        &self,
        call: Call,
        data: usize,
        body: impl for<'s> FnOnce(&'s mut Store<State>, &'s Instance, &'s Linked) -> Body<'s, T>,
        check: impl FnOnce(T) -> Result<R, PluginErrorKind>,
    ) -> Result<R, PluginError> {
        let notes = Notes::new();
        let outcome = self.limited(call, data, &notes, body).await;
        // Where it failed: in the call itself, or on the way there.
        let stage = if outcome.is_ok() { call } else { notes.stage() };
        let stderr = notes.stderr();
        self.log.append(notes.take_log());
        outcome.and_then(check).map_err(|kind| PluginError::new(self.label, stage, kind).with_stderr(stderr))
    }

    async fn limited<T>(
        &self,
        call: Call,
        data: usize,
        notes: &Notes,
        body: impl for<'s> FnOnce(&'s mut Store<State>, &'s Instance, &'s Linked) -> Body<'s, T>,
    ) -> Result<T, PluginErrorKind> {
        let limits = self.host.limits();
        let ticking = self.host.ticker().start().map_err(|e| PluginErrorKind::Host(e.to_string()))?;
        let deadline = Instant::now() + limits.time;
        let mut store = store(self.host.engine(), limits, data, notes.clone(), deadline);
        let work = self.instantiated(call, notes, &mut store, body);
        let outcome = tokio::time::timeout(limits.time + GRACE, work).await;
        drop(ticking);
        self.peak.fetch_max(store.data().memory(), Ordering::Relaxed);
        match outcome {
            Ok(Ok(Ok(result))) => Ok(result),
            Ok(Ok(Err(error))) => Err(guest_error(error)),
            Ok(Err(error)) => Err(trap::kind(error, notes.stage(), limits, data, notes.stderr().as_deref())),
            // The plugin waits in a host function. Its store goes with this frame.
            Err(_) => Err(PluginErrorKind::Timeout { limit: limits.time, place: None }),
        }
    }

    async fn instantiated<T>(
        &self,
        call: Call,
        notes: &Notes,
        store: &mut Store<State>,
        body: impl for<'s> FnOnce(&'s mut Store<State>, &'s Instance, &'s Linked) -> Body<'s, T>,
    ) -> Outcome<T> {
        let instance = self.linked.pre.instantiate_async(&mut *store).await?;
        if let Some(settings) = self.settings {
            notes.enter(Call::Configure);
            let guest = self.linked.plugin.load(&mut *store, &instance)?;
            if let Err(error) = guest.call_configure(&mut *store, settings).await? {
                return Ok(Err(error));
            }
        }
        notes.enter(call);
        body(store, &instance, self.linked).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use flaky_core::attempt::Exit;
    use flaky_core::ids::{AttemptIndex, Seed};

    use crate::blob::Content;
    use crate::imports::Attempt;
    use crate::{
        AttemptInput, BlobInput, Call, HostSettings, Limits, PluginErrorKind, PluginHost, PluginSource,
    };

    /// No guest code runs while this waits, so that epochs alone would wait for ever.
    #[tokio::test(flavor = "current_thread")]
    async fn a_plugin_that_waits_for_a_disk_that_never_answers_ends_at_the_time_limit() {
        let time = Duration::from_millis(300);
        let limits = Limits { time, ..Limits::default() };
        let host = PluginHost::new(HostSettings { cache: None, limits }).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/guests/dist/plain.wasm");
        let plugin = host.load(PluginSource::file(path.as_ref()).unwrap()).await.unwrap();
        let plugin = plugin.configured(&serde_json::json!({ "call": "parse", "do": "read" })).await.unwrap();
        let nothing = BlobInput::Bytes(std::sync::Arc::from([]));
        let input = AttemptInput {
            index: AttemptIndex(0),
            seed: Seed(1),
            command: Vec::new(),
            exit: Exit::Code(0),
            duration: Duration::ZERO,
            conditions: Vec::new(),
            stdout: nothing.clone(),
            stderr: nothing,
            reports: Vec::new(),
            tree: Vec::new(),
        };
        plugin.parse(&input).await.unwrap();
        let attempt = Attempt::new(&input, |_| true, |_| true).with_stdout(Content::Silent);
        let begun = Instant::now();
        let error = plugin.parse_attempt(attempt).await.unwrap_err();
        assert!(begun.elapsed() < time + Duration::from_secs(1), "{:?}", begun.elapsed());
        assert_eq!(*error.kind(), PluginErrorKind::Timeout { limit: time, place: None });
        assert_eq!(error.call(), Call::Parse);
    }
}
