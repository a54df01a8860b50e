//! What wasmtime's errors mean, by name.

use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::{I32Exit, ResourceTableError};

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
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return PluginErrorKind::Handles { limit: HANDLES };
    }
    let frames = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
    let place = place(&frames);
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => PluginErrorKind::Timeout { limit: limits.time, place },
        Some(Trap::StackOverflow) => PluginErrorKind::StackOverflow { place },
        Some(Trap::MemoryOutOfBounds) if is_recursion(&frames) => PluginErrorKind::StackOverflow { place },
        Some(trap) => PluginErrorKind::Trap { message: message(trap, stderr), place },
        None => unnamed(&error, stage, data, place),
    }
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
    let causes =
        error.chain().map(ToString::to_string).filter(|c| !c.starts_with("error while executing at"));
    let text = causes.collect::<Vec<_>>().join(": ");
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

/// Guest functions by name, the innermost first, without the machinery of panics.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let name = |frame: &wasmtime::FrameInfo| match frame.func_name() {
        Some(name) => shown(name),
        None => format!("function {}", frame.func_index()),
    };
    backtrace.frames().iter().map(name).filter(|name| !is_machinery(name)).collect()
}

/// Without the hash that ends a Rust name.
fn shown(name: &str) -> String {
    clean::line(&format!("{:#}", rustc_demangle::demangle(name))).chars().take(120).collect()
}

/// Compiled languages keep a stack of their own in linear memory; where that ends, their memory ends, so that endless
/// recursion shows as an access out of bounds. wasmtime keeps the innermost twenty frames: they are those of a few
/// functions that call each other.
fn is_recursion(frames: &[String]) -> bool {
    const DEEP: usize = 16;
    let different: std::collections::BTreeSet<&String> = frames.iter().collect();
    frames.len() >= DEEP && different.len() <= DEEP / 4
}

/// The innermost functions on one line, repeats folded.
fn place(frames: &[String]) -> Option<String> {
    let mut folded: Vec<(&str, usize)> = Vec::new();
    for name in frames {
        match folded.last_mut() {
            Some((last, times)) if *last == name => *times += 1,
            _ => folded.push((name, 1)),
        }
    }
    let shown: Vec<String> = folded
        .into_iter()
        .take(FRAMES)
        .map(
            |(name, times)| if times > 1 { format!("`{name}` ({times} times)") } else { format!("`{name}`") },
        )
        .collect();
    (!shown.is_empty()).then(|| shown.join(" < "))
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
        let printed =
            "noise\nthread 'main' panicked at src/lib.rs:3:5:\nindex out of bounds\nnote: run with…\n";
        assert_eq!(message(trap, Some(printed)), "panicked at src/lib.rs:3:5: index out of bounds");
        assert_eq!(message(trap, Some("noise")), "wasm `unreachable` instruction executed");
        assert_eq!(message(trap, None), "wasm `unreachable` instruction executed");
    }

    #[test]
    fn a_rust_name_is_shown_as_it_was_written() {
        assert_eq!(shown("_ZN7hostile5deeds7recurse17hfa65f65f567dc5aaE"), "hostile::deeds::recurse");
        assert_eq!(shown("flaky:plugin/parser@0.1.0#parse"), "flaky:plugin/parser@0.1.0#parse");
    }

    #[test]
    fn only_many_frames_of_few_functions_are_recursion() {
        let frames = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert!(is_recursion(&frames(&["a"; 20])));
        assert!(is_recursion(&frames(&["a", "b"].repeat(10))));
        assert!(!is_recursion(&frames(&["a"; 5])));
        let different: Vec<String> = (0..20).map(|i| format!("f{i}")).collect();
        assert!(!is_recursion(&different));
        assert_eq!(place(&frames(&["a", "a", "b"])).unwrap(), "`a` (2 times) < `b`");
    }
}
