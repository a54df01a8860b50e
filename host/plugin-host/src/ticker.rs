//! The clock of epochs: a thread that exists only while calls run.
//!
//! A timer of the async runtime cannot do this: on a runtime with one thread it would wait for the very guest that
//! it has to interrupt.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use wasmtime::Engine;

use crate::limits::TICK;

/// Counts running calls and keeps the thread alive while there are any.
#[derive(Clone)]
pub(crate) struct Ticker(Arc<Shared>);

struct Shared {
    engine: Engine,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: usize,
    ticking: bool,
}

/// A running call. Epochs advance while one of these exists.
pub(crate) struct Ticking(Arc<Shared>);

impl Ticker {
    pub(crate) fn new(engine: Engine) -> Self {
        Self(Arc::new(Shared { engine, state: Mutex::default() }))
    }

    /// # Errors
    /// When no thread can be started: a call must not run without its clock.
    pub(crate) fn start(&self) -> std::io::Result<Ticking> {
        let mut state = self.0.lock();
        if !state.ticking {
            let shared = Arc::clone(&self.0);
            thread::Builder::new()
                .name("plugin-epochs".into())
                .stack_size(64 << 10)
                .spawn(move || shared.tick())?;
            state.ticking = true;
        }
        state.calls += 1;
        Ok(Ticking(Arc::clone(&self.0)))
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while the lock is held, and both fields are plain numbers.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends with the first tick that finds no call: calls that follow each other share one thread.
    fn tick(&self) {
        loop {
            thread::sleep(TICK);
            self.engine.increment_epoch();
            let mut state = self.lock();
            if state.calls == 0 {
                state.ticking = false;
                return;
            }
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.calls = state.calls.saturating_sub(1);
    }
}
