//! What wasmtime's errors mean, by name.

use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::clean;
use crate::error::{Call, PluginErrorKind};
use crate::limits::{HANDLES, INSTANCES, Limits};
use crate::state::Stop;

/// Guest functions named in an error; deeper ones say little.
const FRAMES: usize = 6;

/// Names a failed call. `data` is what the call could hand over; `stderr` is what the guest printed.
pub(crate) fn kind(
    error: wasmtime::Error,
    stage: Call,
    limits: &Limits,
    data: usize,
    stderr: Option<&str>,
) -> PluginErrorKind {
    let error = match error.downcast::<Stop>() {
        Ok(stop) => return stopped(stop),
        Err(error) => error,
    };
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return PluginErrorKind::Exited(*code);
    }
    let place = error.downcast_ref::<WasmBacktrace>().and_then(place);
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => return PluginErrorKind::Timeout { limit: limits.time, place },
        Some(Trap::StackOverflow) => return PluginErrorKind::StackOverflow { place },
        Some(trap) => return PluginErrorKind::Trap { message: message(trap, stderr), place },
        None => {}
    }
    unnamed(&error, stage, data, place)
}

fn stopped(stop: Stop) -> PluginErrorKind {
    match stop {
        Stop::Memory(limit) => PluginErrorKind::Memory { limit },
        Stop::Tables(limit) => PluginErrorKind::Count { what: "table elements", limit },
        Stop::Handles(limit) => PluginErrorKind::Handles { limit },
        Stop::Input(error) => PluginErrorKind::Input { input: error.name, why: error.source.to_string() },
    }
}

/// wasmtime has no types for these. The tests hold the words: each of them is provoked there.
fn unnamed(error: &wasmtime::Error, stage: Call, data: usize, place: Option<String>) -> PluginErrorKind {
    let text = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let has = |words: &str| text.contains(words);
    if has("fuel allocated for hostcalls has been exhausted") {
        return PluginErrorKind::ResultTooLarge { limit: data };
    }
    if has("store handle limit exceeded") {
        return PluginErrorKind::Handles { limit: HANDLES };
    }
    if has("resource limit exceeded") {
        return PluginErrorKind::Count { what: "instances, memories or tables", limit: INSTANCES };
    }
    let text = clean::line(&text);
    match (stage, place) {
        // Out of a host function, or out of the glue around one: bad handles, strings that are no text.
        (_, Some(place)) => PluginErrorKind::Trap { message: text, place: Some(place) },
        (Call::Start, None) => PluginErrorKind::Host(text),
        // No guest code was running, so it was reading the result that failed.
        (_, None) => PluginErrorKind::invalid("result", format!("cannot be read: {text}")),
    }
}

/// The panic's own words when the guest printed them; the trap's otherwise.
fn message(trap: &Trap, stderr: Option<&str>) -> String {
    let panic = stderr.and_then(|text| {
        let at = text.rfind("panicked at")?;
        let mut lines = text[at..].lines();
        let (first, second) = (lines.next()?, lines.next().unwrap_or_default());
        Some(clean::line(format!("{first} {second}").trim_end()))
    });
    panic.unwrap_or_else(|| trap.to_string().trim_start_matches("wasm trap: ").to_owned())
}

/// The innermost guest functions, without the machinery of panics, repeats folded.
fn place(backtrace: &WasmBacktrace) -> Option<String> {
    let mut folded: Vec<(String, usize)> = Vec::new();
    for frame in backtrace.frames() {
        let name = frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), without_hash);
        if is_machinery(&name) {
            continue;
        }
        match folded.last_mut() {
            Some((last, times)) if *last == name => *times += 1,
            _ => folded.push((name, 1)),
        }
    }
    let shown: Vec<String> = folded
        .into_iter()
        .take(FRAMES)
        .map(|(name, times)| if times > 1 { format!("`{name}` ({times} times)") } else { format!("`{name}`") })
        .collect();
    (!shown.is_empty()).then(|| shown.join(" < "))
}

/// `crate::function::h0123456789abcdef` loses its last part.
fn without_hash(name: &str) -> String {
    let hash = |part: &str| part.len() == 17 && part.starts_with('h') && part[1..].bytes().all(|b| b.is_ascii_hexdigit());
    let plain = match name.rsplit_once("::") {
        Some((plain, last)) if hash(last) => plain,
        _ => name,
    };
    clean::line(plain).chars().take(120).collect()
}

fn is_machinery(name: &str) -> bool {
    const PREFIXES: [&str; 8] = [
        "core::panicking",
        "std::panicking",
        "std::sys::backtrace",
        "std::process::abort",
        "__rust",
        "rust_panic",
        "abort",
        "panic_abort",
    ];
    PREFIXES.iter().any(|p| name.starts_with(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panics_words_stand_for_the_trap() {
        let trap = &Trap::UnreachableCodeReached;
        let printed = "noise\nthread 'main' panicked at src/lib.rs:3:5:\nindex out of bounds\nnote: run with…\n";
        assert_eq!(message(trap, Some(printed)), "panicked at src/lib.rs:3:5: index out of bounds");
        assert_eq!(message(trap, Some("noise")), "wasm `unreachable` instruction executed");
        assert_eq!(message(trap, None), "wasm `unreachable` instruction executed");
    }

    #[test]
    fn the_hash_that_ends_a_rust_name_is_taken_off() {
        assert_eq!(without_hash("a::b::h0123456789abcdef"), "a::b");
        assert_eq!(without_hash("a::hello"), "a::hello");
    }
}
