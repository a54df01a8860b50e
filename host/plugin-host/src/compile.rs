//! From WebAssembly to native code.
//!
//! This function is the seam for compiling in a child process: it takes bytes and gives bytes, knows the engine only
//! by its configuration, and nothing else in this crate compiles. Components that came with the program are trusted;
//! one from elsewhere can make Cranelift work for minutes and use gigabytes, which only a process with limits of its
//! own bounds. Until there is one, the size limit of `source.rs` is all there is.

use wasmtime::Engine;

use crate::error::PluginErrorKind;

/// Native code of a component, as [`wasmtime::component::Component::deserialize`] takes it.
///
/// # Errors
/// When the bytes are not a valid component.
pub(crate) fn compile(engine: &Engine, wasm: &[u8]) -> Result<Vec<u8>, PluginErrorKind> {
    engine.precompile_component(wasm).map_err(|error| PluginErrorKind::Invalid(first_lines(&error)))
}

/// wasmtime's chain of causes, on one line.
fn first_lines(error: &wasmtime::Error) -> String {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    crate::clean::line(&causes.join(": "))
}
