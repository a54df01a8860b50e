//! What every plugin is held to, whatever it does: the same answer when it is asked twice and however its input is cut
//! into pieces, no crash on anything that tests may print, and its limits.

mod parser;
mod policy;
mod reporter;

use flaky_plugin_host::{Plugin, PluginError, PluginErrorKind};

use crate::Kind;
use crate::check::{Check, Meter, Outcome};
use crate::golden::{Case, CaseError, told};

/// Holds a plugin against everything that its roles are held to; inputs come from its cases where there are some.
///
/// # Errors
/// A case that cannot be read.
pub async fn battery(plugin: &Plugin, cases: &[Case]) -> Result<Vec<Check>, CaseError> {
    let mut checks = Vec::new();
    let roles = *plugin.roles();
    let of = |kind: Kind| cases.iter().filter(move |case| case.kind == kind);
    if roles.parser.is_some() {
        checks.extend(parser::battery(plugin, of(Kind::Parser)).await?);
    }
    if roles.policy {
        checks.extend(policy::battery(plugin, of(Kind::Policy)).await?);
    }
    if roles.reporter {
        checks.extend(reporter::battery(plugin, of(Kind::Reporter)).await?);
    }
    Ok(checks)
}

/// Pieces that inputs are read in, in bytes.
const PIECES: [u32; 5] = [1, 2, 3, 7, 4096];

/// Inputs of cases up to this size are read in pieces: one call of the host per byte.
const MOST_IN_PIECES: usize = 64 << 10;

/// How much a plugin was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    /// No more than usual: no limit may be reached.
    Usual,
    /// More than is ever given: a limit may end the call, and nothing else.
    Huge,
}

/// What a check found out so far.
struct Finding<'a> {
    name: String,
    meter: Meter<'a>,
    notes: Vec<String>,
    faults: Vec<String>,
}

impl<'a> Finding<'a> {
    fn start(plugin: &'a Plugin, name: impl Into<String>) -> Self {
        Self { name: name.into(), meter: Meter::start(plugin), notes: Vec::new(), faults: Vec::new() }
    }

    /// What a call gave, where it went well. An error that the plugin returned is an answer; a crash is not.
    fn survives<T>(&mut self, what: &str, size: Size, result: Result<T, PluginError>) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        match error.kind() {
            PluginErrorKind::Guest(_) => {}
            kind if size == Size::Huge && is_limit(kind) => {
                self.notes.push(format!("{what}: ended by a limit: {kind}"))
            }
            _ => self.faults.push(format!("{what}: {}", told(&error))),
        }
        None
    }

    /// Two answers to the same question.
    fn same<T: PartialEq>(&mut self, what: &str, first: &Answered<T>, second: &Answered<T>) {
        if first != second {
            self.faults.push(format!("{what}: the answer is another one"));
        }
    }

    fn fault(&mut self, text: String) {
        self.faults.push(text);
    }

    fn end(self) -> Check {
        let taken = self.meter.stop();
        let outcome = match (self.faults.is_empty(), self.notes.is_empty()) {
            (false, _) => Outcome::Failed(self.faults),
            (true, false) => Outcome::Noted(self.notes.join("; ")),
            (true, true) => Outcome::Held,
        };
        Check { name: self.name, outcome, taken }
    }
}

/// An answer that can be compared: also an error is one.
type Answered<T> = Result<T, PluginErrorKind>;

fn answered<T>(result: Result<T, PluginError>) -> Answered<T> {
    result.map_err(|error| error.kind().clone())
}

fn is_limit(kind: &PluginErrorKind) -> bool {
    matches!(
        kind,
        PluginErrorKind::Timeout { .. }
            | PluginErrorKind::Memory { .. }
            | PluginErrorKind::ResultTooLarge { .. }
            | PluginErrorKind::Count { .. }
            | PluginErrorKind::Handles { .. }
            // Lists that are longer than any honest one: of a hundred megabytes of tests they are.
            | PluginErrorKind::InvalidResult { .. }
    )
}

/// Texts that somebody's tests print, or would like to.
const HOSTILE: [(&str, &[u8]); 8] = [
    ("invalid UTF-8", b"\xff\xfe\xc3\x28 \xf0\x9f \xed\xa0\x80\n"),
    ("NUL", b"a\0b\0\0\n"),
    ("colours and cursor movements", b"\x1b[31mred\x1b[0m\x1b[2J\x1b]0;title\x07\x1b[999999999m\x9b31m\n"),
    ("an escape sequence cut off", b"\x1b[38;5;"),
    ("carriage returns", b"one\rtwo\r\nthree\r\r\n"),
    ("marks that reorder or hide text", "\u{202e}txt.exe\u{2066}\u{200b}\u{feff}\u{e0041}\n".as_bytes()),
    ("opening brackets", &[b'['; 20_000]),
    ("one line without an end", &[b'x'; 300_000]),
];

/// Inputs that figures are taken with.
pub(crate) mod samples {
    pub(crate) use super::parser::{main_bytes, nothing, with_main};
    pub(crate) use super::policy::failing;
    pub(crate) use super::reporter::{document, report, test};
}
