//! The one wasmtime configuration, for compiling and for running.

use wasmtime::{Config, Engine, WasmBacktraceDetails};

use crate::error::HostError;
use crate::limits::{ASYNC_STACK, WASM_STACK};

/// Native code is for these machines with their baseline features, named explicitly: code compiled on one machine
/// loads on another, and an image can carry a filled cache. An inferred target would use what this CPU has.
/// It must be the very one that the program is built for, C library included, or wasmtime runs no code of it.
const TARGET: &str = if cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "musl")) {
    "x86_64-unknown-linux-musl"
} else if cfg!(all(target_arch = "aarch64", target_os = "linux", target_env = "musl")) {
    "aarch64-unknown-linux-musl"
} else if cfg!(all(target_arch = "x86_64", target_os = "linux")) {
    "x86_64-unknown-linux-gnu"
} else if cfg!(all(target_arch = "aarch64", target_os = "linux")) {
    "aarch64-unknown-linux-gnu"
} else if cfg!(all(target_arch = "x86_64", target_os = "macos")) {
    "x86_64-apple-darwin"
} else if cfg!(all(target_arch = "aarch64", target_os = "macos")) {
    "aarch64-apple-darwin"
} else if cfg!(all(target_arch = "x86_64", target_os = "windows", target_env = "gnu")) {
    "x86_64-pc-windows-gnu"
} else if cfg!(all(target_arch = "x86_64", target_os = "windows")) {
    "x86_64-pc-windows-msvc"
} else {
    "unsupported"
};

/// For this process, on all its cores.
pub(crate) fn engine() -> Result<Engine, HostError> {
    made(&config()?)
}

/// Compiles the same code on one thread.
pub(crate) fn engine_of_one_thread() -> Result<Engine, HostError> {
    made(config()?.parallel_compilation(false))
}

fn made(config: &Config) -> Result<Engine, HostError> {
    Engine::new(config).map_err(failed)
}

fn failed(error: wasmtime::Error) -> HostError {
    HostError::Engine(error.to_string())
}

/// Everything that goes into the compatibility of compiled code is set here and nowhere else.
fn config() -> Result<Config, HostError> {
    let mut config = Config::new();
    config
        .target(TARGET)
        .map_err(failed)?
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(ASYNC_STACK)
        // Which function trapped is told by name; source lines would need debug information in every component.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        // Nothing profiles or unwinds native frames of guests.
        .native_unwind_info(cfg!(windows))
        // Results must not depend on which machine's vector unit ran them.
        .wasm_relaxed_simd(false);
    Ok(config)
}
