//! What belongs to one call: its store's data, and the meter that bounds it.

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use std::time::Instant;

use crate::limits::{HANDLES, INSTANCES, Limits, MEMORIES, TABLE_ELEMENTS, TABLES};
use crate::notes::Notes;
use crate::wasi;

/// Why the host ended a call itself. Travels through wasmtime as the trap's cause.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("memory limit of {0} bytes")]
    Memory(usize),
    #[error("table limit of {0} elements")]
    Tables(usize),
    #[error("limit of {0} open inputs")]
    Handles(usize),
    #[error("input cannot be read: {0}")]
    Input(#[from] crate::blob::ReadError),
}

/// Data of one call's store.
pub(crate) struct State {
    pub(crate) table: ResourceTable,
    pub(crate) notes: Notes,
    /// Open blobs, attempts and projects.
    pub(crate) handles: usize,
    meter: Meter,
    /// Made when a component first asks: most have no WASI.
    wasi: Option<WasiCtx>,
}

impl State {
    /// Bytes of linear memory that the call has taken. Memory never shrinks, so that this is also the most it had.
    pub(crate) fn memory(&self) -> usize {
        self.meter.memory
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let notes = &self.notes;
        WasiCtxView { ctx: self.wasi.get_or_insert_with(|| wasi::context(notes)), table: &mut self.table }
    }
}

/// A fresh store with all limits set.
pub(crate) fn store(
    engine: &Engine,
    limits: &Limits,
    data: usize,
    notes: Notes,
    deadline: Instant,
) -> Store<State> {
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES);
    let meter = Meter { memory: 0, memory_limit: limits.memory, elements: 0 };
    let mut store = Store::new(engine, State { table, notes, handles: 0, meter, wasi: None });
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(data);
    store.set_max_component_handles(HANDLES);
    store.set_epoch_deadline(1);
    // Yielding alone would let a guest run for ever, and a trap alone would keep every other task of this thread,
    // timers included, waiting until then.
    store.epoch_deadline_callback(move |_| {
        Ok(if Instant::now() >= deadline { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
    });
    store
}

/// Counts what an instance takes, over all its memories and tables.
struct Meter {
    memory: usize,
    memory_limit: usize,
    elements: usize,
}

impl ResourceLimiter for Meter {
    /// An error rather than a refusal: a guest that cannot grow aborts in its own way, and nobody would know why.
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.memory_limit {
            return Err(Stop::Memory(self.memory_limit).into());
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.elements.saturating_add(desired.saturating_sub(current));
        if total > TABLE_ELEMENTS {
            return Err(Stop::Tables(TABLE_ELEMENTS).into());
        }
        self.elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }

    fn tables(&self) -> usize {
        TABLES
    }
}
