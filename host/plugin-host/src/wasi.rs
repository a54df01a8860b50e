//! An empty WASI 0.2, for components whose language cannot do without: no files, environment, arguments or network; a
//! clock that stands still; the same random numbers every time; standard input at its end; what is printed is kept
//! within bounds and never makes the guest wait.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime::Engine;
use wasmtime::component::types::{Component as ComponentType, ComponentItem};
use wasmtime::component::{Linker, ResourceType};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, OutputStream, Pollable, StreamResult, bindings,
};
use wasmtime_wasi::{Deterministic, HostMonotonicClock, HostWallClock, WasiCtx, async_trait};
use wasmtime_wasi::{
    cli::{WasiCli, WasiCliView},
    clocks::{WasiClocks, WasiClocksView},
    filesystem::{WasiFilesystem, WasiFilesystemView},
    random::WasiRandom,
};

use crate::notes::Notes;
use crate::state::State;

/// Random bytes repeat after as many, which no program notices that is not looking for it.
const RANDOM: &[u8; 61] = b"flaky gives every plugin the same random numbers in each call";

/// Random bytes that may be asked for at once. Hash seeds need 16.
const RANDOM_BYTES: u64 = 1 << 20;

/// Everything but sockets.
///
/// # Errors
/// When a name is defined twice: a bug.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use bindings::{cli, clocks, filesystem, io, random};
    use wasmtime_wasi::WasiView;
    let l = linker;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(l, WasiClocksView::clocks)?;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(l, WasiClocksView::clocks)?;
    filesystem::types::add_to_linker::<State, WasiFilesystem>(l, WasiFilesystemView::filesystem)?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(l, WasiFilesystemView::filesystem)?;
    random::random::add_to_linker::<State, WasiRandom>(l, |s| s.ctx().ctx.random())?;
    random::insecure::add_to_linker::<State, WasiRandom>(l, |s| s.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(l, |s| s.ctx().ctx.random())?;
    cli::exit::add_to_linker::<State, WasiCli>(l, WasiCliView::cli)?;
    cli::environment::add_to_linker::<State, WasiCli>(l, WasiCliView::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(l, WasiCliView::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(l, WasiCliView::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, WasiCliView::cli)?;
    io::error::add_to_linker::<State, HasIo>(l, |s| s.ctx().table)?;
    io::poll::add_to_linker::<State, HasIo>(l, |s| s.ctx().table)?;
    io::streams::add_to_linker::<State, HasIo>(l, |s| s.ctx().table)?;
    Ok(())
}

/// Sockets as functions that trap: interpreters import them, and never call them on their own. The resources are of
/// no use to anybody, but have to have a type; those that other packages of WASI own keep theirs.
///
/// # Errors
/// When a name is defined twice: a bug.
pub(crate) fn refuse_sockets(
    linker: &mut Linker<State>,
    engine: &Engine,
    component: &ComponentType,
) -> wasmtime::Result<()> {
    for (name, import) in component.imports(engine) {
        let (true, ComponentItem::ComponentInstance(sockets)) =
            (name.starts_with("wasi:sockets/"), import.ty)
        else {
            continue;
        };
        let mut instance = linker.instance(name)?;
        for (item, export) in sockets.exports(engine) {
            match export.ty {
                ComponentItem::ComponentFunc(_) => {
                    let what = format!("the network is not there for plugins (`{name}`, `{item}`)");
                    instance.func_new(item, move |_, _, _, _| Err(wasmtime::Error::msg(what.clone())))?;
                }
                ComponentItem::Resource(_) => {
                    instance.resource(item, resource(item), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn resource(name: &str) -> ResourceType {
    match name {
        "pollable" => ResourceType::host::<DynPollable>(),
        "input-stream" => ResourceType::host::<DynInputStream>(),
        "output-stream" => ResourceType::host::<DynOutputStream>(),
        _ => ResourceType::host::<Refused>(),
    }
}

/// Never made.
struct Refused;

/// The io interfaces need the table alone.
struct HasIo;

impl wasmtime::component::HasData for HasIo {
    type Data<'a> = &'a mut wasmtime::component::ResourceTable;
}

pub(crate) fn context(notes: &Notes) -> WasiCtx {
    let random = || Deterministic::new(RANDOM.to_vec());
    WasiCtx::builder()
        .stdout(Captured(notes.clone()))
        .stderr(Captured(notes.clone()))
        .secure_random(random())
        .insecure_random(random())
        .insecure_random_seed(0)
        .max_random_size(RANDOM_BYTES)
        .wall_clock(StandingStill)
        .monotonic_clock(StandingStill)
        .allow_tcp(false)
        .allow_udp(false)
        .build()
}

/// The first moment of 1970, for ever.
struct StandingStill;

impl HostWallClock for StandingStill {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for StandingStill {
    fn resolution(&self) -> u64 {
        1_000_000_000
    }

    fn now(&self) -> u64 {
        0
    }
}

/// Takes everything at once and keeps what fits.
#[derive(Clone)]
struct Captured(Notes);

impl IsTerminal for Captured {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Captured {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Captured {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.0.print(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl Pollable for Captured {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Captured {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.print(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        // What a guest may hand over before it asks again.
        Ok(64 << 10)
    }
}
