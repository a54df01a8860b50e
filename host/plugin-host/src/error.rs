//! Every way in which a plugin, or the ground under it, can fail.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What the host was doing with the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Reading, checking, compiling and linking; no code of the plugin has run.
    Load,
    /// Instantiation, for whichever call it was.
    Start,
    /// `plugin.describe`.
    Describe,
    /// `plugin.configure`.
    Configure,
    /// `parser.parse` or `packed-parser.parse`.
    Parse,
    /// `framework.detect`.
    Detect,
    /// `framework.recognises`.
    Recognises,
    /// `framework.install`.
    Install,
    /// `framework.instrument`.
    Instrument,
    /// `framework.select`.
    Select,
    /// `policy.classify`.
    Classify,
    /// `policy.summarise`.
    Summarise,
    /// `reporter.render`.
    Render,
}

impl Call {
    /// The function's name in the contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Start => "start",
            Self::Describe => "describe",
            Self::Configure => "configure",
            Self::Parse => "parse",
            Self::Detect => "detect",
            Self::Recognises => "recognises",
            Self::Install => "install",
            Self::Instrument => "instrument",
            Self::Select => "select",
            Self::Classify => "classify",
            Self::Summarise => "summarise",
            Self::Render => "render",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One failed call of one plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginError(Box<Inner>);

#[derive(Debug, Clone, PartialEq)]
struct Inner {
    plugin: String,
    call: Call,
    kind: PluginErrorKind,
    stderr: Option<String>,
}

impl PluginError {
    pub(crate) fn new(plugin: &str, call: Call, kind: PluginErrorKind) -> Self {
        Self(Box::new(Inner { plugin: plugin.to_owned(), call, kind, stderr: None }))
    }

    pub(crate) fn with_stderr(mut self, stderr: Option<String>) -> Self {
        self.0.stderr = stderr;
        self
    }

    /// The plugin's label: `builtin:NAME` or its path.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.0.plugin
    }

    /// What the host was doing with it.
    #[must_use]
    pub fn call(&self) -> Call {
        self.0.call
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &PluginErrorKind {
        &self.0.kind
    }

    /// The end of what the plugin printed during the call (or logged as an error), cleaned; at most 16 KiB.
    #[must_use]
    pub fn guest_stderr(&self) -> Option<&str> {
        self.0.stderr.as_deref()
    }

    /// What to do about it, on a line of its own.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.0.kind.hint()
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { plugin, call, kind, .. } = &*self.0;
        match call {
            Call::Load => write!(f, "plugin `{plugin}`: {kind}"),
            _ => write!(f, "plugin `{plugin}`, `{call}`: {kind}"),
        }
    }
}

impl std::error::Error for PluginError {}

/// What went wrong with a plugin.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PluginErrorKind {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The file is larger than a component may be.
    #[error("is {} MB, and a component may have at most {}", size >> 20, limit >> 20)]
    TooLarge {
        /// Bytes it has.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// Not a component: empty, something else, or a core module.
    #[error("is not a WebAssembly component: {0}")]
    NotAComponent(NotAComponent),
    /// Cranelift or the validator refused it.
    #[error("cannot be compiled: {0}")]
    Invalid(String),
    /// Compiling it was given up.
    #[error("cannot be compiled: {0}")]
    Compile(CompileStop),
    /// The code was to be kept for later, and is not.
    #[error("its compiled code is not kept: {0}")]
    NotKept(String),
    /// It exports no role, or not the interface that every plugin has.
    #[error("exports {}, but {missing}", list(exports))]
    MissingExport {
        /// What is missing.
        missing: &'static str,
        /// Interfaces of the contract that it does export, without versions.
        exports: Vec<String>,
    },
    /// Built for another version of the contract.
    #[error("`{interface}` is of contract {plugin}, and this `flaky` speaks {host}")]
    Version {
        /// Interface by its name in the contract.
        interface: String,
        /// The plugin's version.
        plugin: String,
        /// Ours.
        host: &'static str,
        /// Which side is behind.
        behind: Behind,
    },
    /// An interface has the right name and version, and another shape.
    #[error("`{at}` does not have the shape of contract {host}: {difference}")]
    Contract {
        /// Function and place in its type, e.g. `parser.parse -> ok.tests[].outcome`.
        at: String,
        /// Our version of the contract.
        host: &'static str,
        /// What differs, naming the cases or fields.
        difference: String,
    },
    /// It imports something that plugins do not get.
    #[error("imports `{0}`, which plugins do not get")]
    Import(String),
    /// The linker refused it for another reason.
    #[error("cannot be linked: {0}")]
    Link(String),
    /// The role that was asked for is not exported.
    #[error("has no role `{0}`")]
    MissingRole(&'static str),
    /// The settings do not fit the plugin's own schema.
    #[error("settings{}: {why}", at(pointer))]
    Settings {
        /// JSON pointer of the value; empty is the whole.
        pointer: String,
        /// What is wrong with it.
        why: String,
    },
    /// The plugin's schema is not a JSON Schema.
    #[error("the schema of its settings is not usable: {0}")]
    Schema(String),
    /// The call took longer than it may.
    #[error("took longer than {}{}", seconds(*limit), after(place, " in "))]
    Timeout {
        /// What was allowed.
        limit: Duration,
        /// The guest function that was interrupted, when guest code was running.
        place: Option<String>,
    },
    /// More memory than it may.
    #[error("needs more than {} MiB of memory", limit >> 20)]
    Memory {
        /// Bytes allowed.
        limit: usize,
    },
    /// Tables, instances or memories beyond their number.
    #[error("has more {what} than the {limit} allowed")]
    Count {
        /// What there is too much of.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// More open inputs than it may.
    #[error("holds more than {limit} open inputs")]
    Handles {
        /// How many are allowed.
        limit: usize,
    },
    /// More data in one go than it may hand over.
    #[error("handed over more than {} MiB of data in one go", limit >> 20)]
    ResultTooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// Endless recursion, most likely.
    #[error("used up its stack{}", after(place, " in "))]
    StackOverflow {
        /// The innermost guest functions, repeated ones folded.
        place: Option<String>,
    },
    /// A trap: a bug of the plugin, often a panic.
    #[error("crashed: {message}{}", after(place, " in "))]
    Trap {
        /// The panic's text where it is known, else the trap's.
        message: String,
        /// The innermost guest functions, repeated ones folded.
        place: Option<String>,
    },
    /// It left through WASI's `exit`.
    #[error("ended itself with exit code {0}")]
    Exited(i32),
    /// An input could not be read: the plugin is not to blame.
    #[error("input `{input}` cannot be read: {why}")]
    Input {
        /// Which.
        input: String,
        /// The operating system's reason.
        why: String,
    },
    /// The plugin's own, typed error.
    #[error("{0}")]
    Guest(GuestError),
    /// What it returned does not hold what the contract says.
    #[error("returned `{field}` that {why}")]
    InvalidResult {
        /// Path of the field in the result.
        field: String,
        /// A clause that goes on after "that".
        why: String,
    },
    /// wasmtime failed in a way that has no name here: a bug of ours, or a machine out of memory.
    #[error("the host failed: {0}")]
    Host(String),
}

impl PluginErrorKind {
    pub(crate) fn invalid(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::InvalidResult { field: field.into(), why: why.into() }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::TooLarge { .. } => "build with `opt-level = \"s\"` and strip debug information",
            Self::NotAComponent(NotAComponent::CoreModule) => {
                "make a component of it: `wasm-tools component new`, or build with the plugin SDK"
            }
            Self::Compile(_) => {
                "ordinary components compile in seconds: do not use one that does not, or build it smaller"
            }
            Self::NotAComponent(_) => "name a `.wasm` file built with the plugin SDK",
            Self::MissingExport { .. } => {
                "export `plugin` and a role: `parser`, `packed-parser`, `framework`, `policy` or `reporter`"
            }
            Self::Version { behind: Behind::Host, .. } => "upgrade `flaky`",
            Self::Version { behind: Behind::Plugin, .. } => {
                "build the plugin against the contract that `flaky` speaks"
            }
            Self::Contract { .. } => "build the plugin against the contract as it was released",
            Self::Import(_) => {
                "build it without network and HTTP; everything a plugin gets is in `inputs` and `log`"
            }
            Self::Settings { .. } => "mend the plugin's `settings` in the configuration file",
            Self::Timeout { .. } => {
                "raise `limits: {time: SECONDS}` of its entry in `plugins`, or mend the plugin"
            }
            Self::Memory { .. } => {
                "raise `limits: {memory: MIB}` of its entry in `plugins`, or mend the plugin"
            }
            Self::Guest(error) => return error.hint.clone(),
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// Why bytes are not a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAComponent {
    /// No byte.
    #[error("the file is empty")]
    Empty,
    /// Other bytes.
    #[error("it does not begin as WebAssembly does")]
    NotWasm,
    /// A module.
    #[error("it is a core module")]
    CoreModule,
    /// A folder, a device, a pipe.
    #[error("it is not a regular file")]
    NotAFile,
}

/// Why compiling was given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileStop {
    /// More CPU time than it may.
    #[error("it takes more than {seconds} s of CPU")]
    Cpu {
        /// Seconds allowed.
        seconds: u32,
    },
    /// More time than it may.
    #[error("it takes longer than {}", seconds(*limit))]
    Time {
        /// What was allowed.
        limit: Duration,
    },
    /// More memory than it may.
    #[error("it takes more than {} MiB of memory", limit >> 20)]
    Memory {
        /// Bytes allowed.
        limit: u64,
    },
    /// More native code than is loaded.
    #[error("it becomes more than {} MiB of native code", limit >> 20)]
    Code {
        /// Bytes allowed.
        limit: u64,
    },
    /// The process that compiled it is gone, in its last words.
    #[error("the compiler crashed: {0}")]
    Crashed(String),
}

/// Which side has to be upgraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// `flaky`.
    Host,
    /// The plugin.
    Plugin,
}

/// An error that a plugin returned, cleaned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestError {
    /// Kebab case.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Where in its input.
    pub at: Option<At>,
}

/// A place in an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// `stdout`, `stderr`, or the path of a file.
    pub source: String,
    /// Bytes before it.
    pub offset: u64,
}

impl fmt::Display for GuestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = &self.at {
            write!(f, "{} at byte {}: ", at.source, at.offset)?;
        }
        write!(f, "{} ({})", self.message, self.code)
    }
}

/// The host itself cannot work.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// wasmtime refuses the configuration on this machine.
    #[error("the plugin engine cannot start: {0}")]
    Engine(String),
    /// The folder for compiled components is not a usable path.
    #[error("`{}` cannot be a cache folder: {source}", path.display())]
    Cache {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

fn list(exports: &[String]) -> String {
    match exports {
        [] => "nothing of the plugin contract".into(),
        some => some.iter().map(|e| format!("`{e}`")).collect::<Vec<_>>().join(", "),
    }
}

fn at(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" at `{pointer}`") }
}

fn after(text: &Option<String>, word: &str) -> String {
    text.as_ref().map(|t| format!("{word}{t}")).unwrap_or_default()
}

fn seconds(limit: Duration) -> String {
    if limit.subsec_millis() == 0 {
        format!("{} s", limit.as_secs())
    } else {
        format!("{} ms", limit.as_millis())
    }
}
