//! What the worker says about itself, a line at a time, on standard output.
//!
//! On RunPod (`RUNPOD_ENDPOINT_ID` is set) a line is a JSON object that the platform's log viewer reads:
//! `{"requestId": …, "message": …, "level": …}`; elsewhere it is text. How much is said follows `RUNPOD_LOG_LEVEL`, or
//! else `RUNPOD_DEBUG_LEVEL`, and is `INFO` unless set. Nothing here or at its callers writes what jobs bring or give
//! back, an address of the platform's, or a key.
//!
//! Two hundred lines instead of a crate: what is needed is one sink, five levels and one shape of line, and the usual
//! crate for it (`tracing-subscriber`) would bring registries, filters and a dozen dependencies.

use std::fmt::{self, Display, Write as _};
use std::io::{self, Write as _};
use std::str::FromStr;
use std::sync::OnceLock;

use flaky_runpod::JobId;
use serde::Serialize;

/// Characters of a message. The platform slows workers down that log much, and RunPod's own SDK cuts here.
const MESSAGE_LIMIT: usize = 4096;

/// How much something matters; later ones more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Single requests.
    Trace,
    /// What helps to understand the worker.
    Debug,
    /// What happened to jobs.
    Info,
    /// Something is odd, and the worker goes on.
    Warn,
    /// Something was lost.
    Error,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// A text that is no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `TRACE`, `DEBUG`, `INFO`, `WARN` or `ERROR`")]
pub struct UnknownLevel;

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Self, UnknownLevel> {
        match name.trim().to_ascii_uppercase().as_str() {
            "NOTSET" | "TRACE" => Ok(Self::Trace),
            "DEBUG" => Ok(Self::Debug),
            "INFO" => Ok(Self::Info),
            "WARN" | "WARNING" => Ok(Self::Warn),
            "ERROR" => Ok(Self::Error),
            _ => Err(UnknownLevel),
        }
    }
}

/// The shape of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object.
    Json,
    /// Text.
    Plain,
}

/// Where lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// Where the platform reads them.
    Stdout,
    /// Where they do not mix with what was asked for.
    Stderr,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// The shape of lines.
    pub format: Format,
    /// What matters less is left out.
    pub level: Level,
    /// Where lines go.
    pub sink: Sink,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: Format::Plain, level: Level::Info, sink: Sink::Stderr }
    }
}

impl LogSettings {
    /// Reads the variables that the module's documentation names. An unknown level is the usual one.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let level = var("RUNPOD_LOG_LEVEL").or_else(|| var("RUNPOD_DEBUG_LEVEL"));
        let format = if var("RUNPOD_ENDPOINT_ID").is_some() { Format::Json } else { Format::Plain };
        Self {
            format,
            level: level.and_then(|name| name.parse().ok()).unwrap_or(Level::Info),
            sink: Sink::Stdout,
        }
    }
}

static SETTINGS: OnceLock<LogSettings> = OnceLock::new();

/// Decides how this process logs; only the first call counts. Until then text goes to standard error.
pub fn set_up(settings: LogSettings) {
    // A second call changes nothing, as said.
    let _ = SETTINGS.set(settings);
}

/// Writes a line, if it matters enough.
pub fn log(level: Level, job: Option<&JobId>, message: impl Display) {
    let settings = SETTINGS.get().copied().unwrap_or_default();
    if level < settings.level {
        return;
    }
    let line = line(settings.format, level, job, &message.to_string());
    if cfg!(test) {
        // Unit tests have nothing to say here; what lines look like, and what the program writes, is tested as such.
        return;
    }
    // In one write, so that lines do not mix; a closed or full output is no reason to stop working.
    let _ = match settings.sink {
        Sink::Stdout => {
            let mut out = io::stdout().lock();
            out.write_all(line.as_bytes()).and_then(|()| out.flush())
        }
        Sink::Stderr => io::stderr().lock().write_all(line.as_bytes()),
    };
}

/// See [`Level::Debug`].
pub fn debug(job: Option<&JobId>, message: impl Display) {
    log(Level::Debug, job, message);
}

/// See [`Level::Info`].
pub fn info(job: Option<&JobId>, message: impl Display) {
    log(Level::Info, job, message);
}

/// See [`Level::Warn`].
pub fn warn(job: Option<&JobId>, message: impl Display) {
    log(Level::Warn, job, message);
}

/// See [`Level::Error`].
pub fn error(job: Option<&JobId>, message: impl Display) {
    log(Level::Error, job, message);
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "requestId")]
    request_id: Option<&'a str>,
    message: &'a str,
    level: &'static str,
}

fn line(format: Format, level: Level, job: Option<&JobId>, message: &str) -> String {
    let message = cut(message);
    let id = job.map(JobId::as_str);
    let mut line = match format {
        Format::Json => {
            let line = Line { request_id: id, message: &message, level: level.name() };
            // Texts always are JSON.
            serde_json::to_string(&line).unwrap_or_default()
        }
        Format::Plain => {
            let id = id.map(|id| format!("{id} | ")).unwrap_or_default();
            format!("{:5} | {id}{}", level.name(), OneLine(&message))
        }
    };
    line.push('\n');
    line
}

/// Leaves out the middle of what is too long: the beginning says what it is, the end how it ended.
fn cut(message: &str) -> String {
    let characters = message.chars().count();
    if characters <= MESSAGE_LIMIT {
        return message.to_owned();
    }
    // Room for the note.
    let half = (MESSAGE_LIMIT - 40) / 2;
    let end_of_head = message.char_indices().nth(half).map_or(message.len(), |(at, _)| at);
    let begin_of_tail = message.char_indices().nth(characters - half).map_or(message.len(), |(at, _)| at);
    let (head, tail) = (message.get(..end_of_head), message.get(begin_of_tail..));
    let left_out = characters - 2 * half;
    format!("{} … ({left_out} characters) … {}", head.unwrap_or_default(), tail.unwrap_or_default())
}

/// Control characters are shown as escapes: a message is one line, whatever it repeats.
struct OneLine<'a>(&'a str);

impl Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if c.is_control() { write!(f, "{}", c.escape_default()) } else { f.write_char(c) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_on_the_platform_are_json_and_elsewhere_text() {
        let id: JobId = "job-u1".parse().unwrap();
        for (format, job, message, expected) in [
            (
                Format::Json,
                Some(&id),
                "a \"b\"\n",
                "{\"requestId\":\"job-u1\",\"message\":\"a \\\"b\\\"\\n\",\"level\":\"INFO\"}\n",
            ),
            (Format::Json, None, "x", "{\"requestId\":null,\"message\":\"x\",\"level\":\"INFO\"}\n"),
            (Format::Plain, Some(&id), "two\nlines\u{1b}[2J", "INFO  | job-u1 | two\\nlines\\u{1b}[2J\n"),
            (Format::Plain, None, "x", "INFO  | x\n"),
        ] {
            assert_eq!(line(format, Level::Info, job, message), expected);
        }
    }

    #[test]
    fn long_messages_lose_their_middle_at_whole_characters() {
        let exact = "ä".repeat(MESSAGE_LIMIT);
        assert_eq!(cut(&exact), exact);
        let long = format!("begin{}end", "ä".repeat(10_000));
        let shown = cut(&long);
        assert!(shown.chars().count() <= MESSAGE_LIMIT, "{}", shown.chars().count());
        assert!(shown.starts_with("beginä") && shown.ends_with("äend") && shown.contains("characters) …"));
    }

    #[test]
    fn levels_and_shape_come_from_the_environment() {
        let read = |vars: &[(&str, &str)]| {
            let vars: Vec<(String, String)> = vars.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
            LogSettings::from_environment(|name| vars.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()))
        };
        for (vars, format, level) in [
            (&[][..], Format::Plain, Level::Info),
            (&[("RUNPOD_ENDPOINT_ID", "ep")], Format::Json, Level::Info),
            (&[("RUNPOD_LOG_LEVEL", "error")], Format::Plain, Level::Error),
            (&[("RUNPOD_DEBUG_LEVEL", "NOTSET")], Format::Plain, Level::Trace),
            (&[("RUNPOD_LOG_LEVEL", "WARN"), ("RUNPOD_DEBUG_LEVEL", "DEBUG")], Format::Plain, Level::Warn),
            (&[("RUNPOD_LOG_LEVEL", "loud")], Format::Plain, Level::Info),
        ] {
            let settings = read(vars);
            assert_eq!((settings.format, settings.level), (format, level), "{vars:?}");
        }
        assert!(Level::Trace < Level::Debug && Level::Warn < Level::Error);
    }
}
