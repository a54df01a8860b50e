//! The bundled plugins: components that `cargo xtask plugins` built into `plugins/dist/`.

use crate::plugins::Builtin;

macro_rules! component {
    ($name:literal) => {
        Builtin { name: $name, bytes: include_bytes!(concat!("../../../plugins/dist/", $name, ".wasm")) }
    };
}

/// Parsers, frameworks and policies: what a run needs. Of policies, the first decides unless settings name another.
pub const RUN: [Builtin; 4] =
    [component!("pytest"), component!("junit"), component!("statistical"), component!("thresholds")];

/// Reporters: loaded only when their report is asked for.
pub const REPORTERS: [Builtin; 3] = [component!("terminal"), component!("json"), component!("markdown")];
