//! The child: limits itself, reads a component, compiles it, says what came of it, and ends.

use std::ffi::OsString;
use std::io::{self, Read, Write};

use super::confine::confine;
use super::reply::Reply;
use super::translate;
use crate::error::PluginErrorKind;
use crate::limits::COMPONENT_BYTES;

/// Exit code when there is a reply; `SILENT` when there is none, and standard error says why.
const REPLIED: i32 = 0;
const SILENT: i32 = 1;

/// `args`: bytes of memory, seconds of CPU.
pub(super) fn serve(mut args: impl Iterator<Item = OsString>) -> i32 {
    let mut number = || args.next().and_then(|arg| arg.to_str()?.parse::<u64>().ok());
    let done = match (number(), number()) {
        (Some(memory), Some(cpu)) => confine(memory, cpu).and_then(|()| work()),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    match done {
        Ok(()) => REPLIED,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            SILENT
        }
    }
}

fn work() -> io::Result<()> {
    let mut wasm = Vec::new();
    io::stdin().lock().take(COMPONENT_BYTES + 1).read_to_end(&mut wasm)?;
    // One thread: arenas of many would fill the address space with nothing.
    let engine = crate::engine::engine_of_one_thread().map_err(io::Error::other)?;
    let reply = match translate(&engine, &wasm) {
        Ok(code) => Reply::Code(code),
        Err(PluginErrorKind::Invalid(why)) => Reply::Refused(why),
        Err(other) => Reply::Refused(other.to_string()),
    };
    reply.write(io::stdout().lock())
}
