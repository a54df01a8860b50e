//! What reporters ask the host to write or send. The host does it; a plugin never does.

use crate::report::REPORT_VERSION;

/// What a reporter is told beside the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderContext {
    /// Columns of the terminal; `None` when the output is not one.
    pub width: Option<u32>,
    /// Whether escape sequences for colour are welcome.
    pub colour: bool,
    /// A JSON object, for what later hosts know; `{}` when there is nothing.
    pub more: String,
}

impl Default for RenderContext {
    /// No terminal, no colour, nothing more.
    fn default() -> Self {
        Self { width: None, colour: false, more: "{}".into() }
    }
}

impl RenderContext {
    /// The version of the report document that reporters are given.
    pub const VERSION: u32 = REPORT_VERSION;
}

/// How much an annotation matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationLevel {
    /// Worth knowing.
    Notice,
    /// Worth a look.
    Warning,
    /// Wrong.
    Failure,
}

/// A remark at a place of the sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// How much it matters.
    pub level: AnnotationLevel,
    /// Relative to the project's root.
    pub file: String,
    /// Counted from 1.
    pub line: Option<u32>,
    /// One line.
    pub title: String,
    /// The remark.
    pub message: String,
}

/// Something a reporter asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Text for standard output. Control characters other than line ends, tabs and, where colour is welcome, colour
    /// sequences were replaced.
    Stdout(String),
    /// A file. The bytes are the reporter's own.
    File {
        /// Relative to the output folder, as the plugin gave it: whoever writes has to refuse what leaves that
        /// folder. Empty: the path that the user gave to this reporter.
        path: String,
        /// What is in it.
        content: Vec<u8>,
    },
    /// An HTTP request; URL, headers and body may hold placeholders of secrets.
    Http {
        /// Upper case.
        method: String,
        /// `https://…`.
        url: String,
        /// Name and value, without line ends.
        headers: Vec<(String, String)>,
        /// What is sent.
        body: Vec<u8>,
    },
    /// Markdown that replaces the earlier comment with the same key.
    PullRequestComment {
        /// Which comment.
        key: String,
        /// Markdown.
        body: String,
    },
    /// Markdown for the summary of the CI job.
    JobSummary(String),
    /// Remarks at places of the sources.
    Annotations(Vec<Annotation>),
    /// A check of the commit.
    CheckRun {
        /// Its name.
        name: String,
        /// `success`, `neutral` or `failure`.
        conclusion: String,
        /// One line.
        title: String,
        /// Markdown.
        summary: String,
        /// Remarks at places of the sources.
        annotations: Vec<Annotation>,
    },
    /// For later steps of a workflow: enumerations and numbers only.
    Outputs(Vec<(String, String)>),
    /// A kind that this version of the contract does not know.
    Other {
        /// Which.
        kind: String,
        /// JSON.
        body: String,
    },
}
