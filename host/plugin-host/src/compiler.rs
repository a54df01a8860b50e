//! From WebAssembly to native code, for components from elsewhere in a limited process of its own.
//!
//! On Windows the child is held to wall time, and neither to memory nor to CPU time.
//!
//! Cranelift promises to bound neither the time nor the memory that a component takes it. Components that came with
//! the program are compiled in this process, on all its cores. One from elsewhere is compiled by a child: our own
//! binary, started again with an empty environment and no descriptor but three pipes, which limits its own address
//! space and CPU time before it reads a byte. The parent keeps the clock, and takes code only whole, with the digest
//! that its own child said, and within a size.
//!
//! A program opts in by beginning its `main` with [`enter_if_asked`]. In one that does not (a test harness, say),
//! components from elsewhere are compiled in the process itself, unlimited but for the size of a component.

mod child;
#[cfg(unix)]
mod confine;
#[cfg(not(unix))]
#[path = "compiler/unconfined.rs"]
mod confine;
mod parent;
mod reply;
mod talk;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::Engine;

use crate::error::PluginErrorKind;

/// Name of the child, or its first argument where names cannot be chosen. Nobody types this; such a process reads a component
/// and writes code, and nothing else.
const MARKER: &str = "flaky: compiler of plugins";

/// Words of the command line before [`MARKER`].
const NAMES: usize = if cfg!(unix) { 0 } else { 1 };

/// Whether `main` began with [`enter_if_asked`], so that this program can be started again as a compiler.
static CAN_BE_ENTERED: AtomicBool = AtomicBool::new(false);

/// Turns this process into a compiler and never returns, if it was started as one. Belongs to the beginning of `main`,
/// before there is anything that a component could reach.
pub fn enter_if_asked() {
    let mut args = std::env::args_os().skip(NAMES);
    if args.next().as_deref() != Some(OsStr::new(MARKER)) {
        CAN_BE_ENTERED.store(true, Ordering::Relaxed);
        return;
    }
    std::process::exit(child::serve(args));
}

/// What a child may take for one component. Not settings: whoever needs more has a component that is no plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Bytes of its address space.
    pub memory: u64,
    /// CPU time, in whole seconds: the kernel counts no finer.
    pub cpu: u32,
    /// Wall time.
    pub time: Duration,
    /// Bytes of native code that it may give back.
    pub code: u64,
}

impl Default for CompileLimits {
    /// Components that carry an interpreter (12 to 20 MB) took up to 60 s of CPU on a busy machine, 17 to 25 s on a quiet one,
    /// 360 MB of address space, and became 36 MB of code.
    ///
    /// Wall time is four times the CPU time: on a busy machine a process gets a part of a core.
    fn default() -> Self {
        Self { memory: 2 << 30, cpu: 240, time: Duration::from_secs(960), code: 256 << 20 }
    }
}

/// Where components from elsewhere are compiled. Those that came with the program are compiled in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compiler {
    /// In this process, without limits.
    ThisProcess,
    /// In a child for each.
    Child {
        /// A program whose `main` begins with [`enter_if_asked`].
        program: PathBuf,
        /// Of one component.
        limits: CompileLimits,
    },
}

impl Compiler {
    /// A child of this program where its `main` began with [`enter_if_asked`], this process where it did not.
    #[must_use]
    pub fn available() -> Self {
        if !CAN_BE_ENTERED.load(Ordering::Relaxed) {
            return Self::ThisProcess;
        }
        match this_program() {
            Some(program) => Self::Child { program, limits: CompileLimits::default() },
            None => Self::ThisProcess,
        }
    }

    /// Native code of a component from elsewhere. Blocks.
    ///
    /// # Errors
    /// When the bytes are not a valid component, or take more than a limit.
    pub(crate) fn compile(&self, engine: &Engine, wasm: &[u8]) -> Result<Vec<u8>, PluginErrorKind> {
        match self {
            Self::ThisProcess => translate(engine, wasm),
            Self::Child { program, limits } => parent::compile(program, limits, wasm),
        }
    }
}

/// This program's file, even when another has taken its name since.
fn this_program() -> Option<PathBuf> {
    if cfg!(target_os = "linux") {
        // A magic link: it works even when the file it names was replaced or deleted.
        return Some("/proc/self/exe".into());
    }
    std::env::current_exe().ok()
}

/// Native code of a component, as [`wasmtime::component::Component::deserialize`] takes it.
///
/// # Errors
/// When the bytes are not a valid component.
pub(crate) fn translate(engine: &Engine, wasm: &[u8]) -> Result<Vec<u8>, PluginErrorKind> {
    engine.precompile_component(wasm).map_err(|error| PluginErrorKind::Invalid(causes(&error)))
}

/// wasmtime's chain of causes, on one line.
fn causes(error: &wasmtime::Error) -> String {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    crate::clean::line(&causes.join(": "))
}
