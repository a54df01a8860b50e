//! Short ways to make the types of the contract.

use crate::{
    Bounds, Command, Completeness, Counts, Diagnostic, DiagnosticLevel, EnvChange, Evidence, Exit, Failure,
    InstallPlan, Interval, Location, Manifest, Outcome, PackedAttempt, PackedTests, ParsedAttempt,
    PluginError, Source, TestResult, Want,
};

impl Manifest {
    /// A plugin that takes no settings and wants nothing. The name is made of lower-case letters, digits and `-`;
    /// the summary is one line.
    #[must_use]
    pub fn new(name: &str, version: &str, summary: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            settings_schema: String::new(),
            wants: Vec::new(),
        }
    }

    /// Takes settings that are valid against this JSON Schema.
    #[must_use]
    pub fn settings_schema(self, schema: &str) -> Self {
        Self { settings_schema: schema.to_owned(), ..self }
    }

    /// Wants files of the report folder that match this glob in every attempt.
    #[must_use]
    pub fn want_reports(self, glob: &str) -> Self {
        self.want(Want::ReportFiles(glob.to_owned()))
    }

    /// Wants files of the work tree that match this glob, when the attempt wrote them.
    #[must_use]
    pub fn want_tree_files(self, glob: &str) -> Self {
        self.want(Want::TreeFiles(glob.to_owned()))
    }

    /// Wants files of the project that match this glob, in calls of the role `framework`.
    #[must_use]
    pub fn want_project_files(self, glob: &str) -> Self {
        self.want(Want::ProjectFiles(glob.to_owned()))
    }

    /// Wants something of the host.
    #[must_use]
    pub fn want(mut self, want: Want) -> Self {
        self.wants.push(want);
        self
    }
}

impl PluginError {
    /// An error with a code such as `invalid-settings` and a message, a lower-case fragment.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), hint: None, at: None }
    }

    /// With advice on what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// With the place in the input.
    #[must_use]
    pub fn at(self, source: Source, offset: u64) -> Self {
        Self { at: Some((source, offset)), ..self }
    }
}

impl Diagnostic {
    /// A problem with a code such as `collection-error`.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            level: DiagnosticLevel::Error,
            code: code.to_owned(),
            message: message.into(),
            hint: None,
            location: None,
            at: None,
        }
    }

    /// A doubt of the parser with a code such as `cut-off`: nothing went wrong in the attempt by it.
    #[must_use]
    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self { level: DiagnosticLevel::Warning, ..Self::new(code, message) }
    }

    /// With the place in the input.
    #[must_use]
    pub fn offset(self, source: Source, offset: u64) -> Self {
        Self { at: Some((source, offset)), ..self }
    }

    /// With advice on what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// With the place in the project.
    #[must_use]
    pub fn at(self, location: Location) -> Self {
        Self { location: Some(location), ..self }
    }
}

impl Evidence {
    /// Of a test of which nothing is known; for tests of policies.
    #[must_use]
    pub fn new(id: &str) -> Self {
        let level = 0.95;
        Self {
            id: id.to_owned(),
            counts: Counts::default(),
            failures: 0,
            rate: 0.0,
            interval: Interval { low: 0.0, high: 1.0, level },
            bounds: Bounds { failure_at_most: 1.0, pass_at_most: 1.0, level },
            failing_seeds: Vec::new(),
            first_failing: None,
            last_failing: None,
            durations: None,
            groups: Vec::new(),
            effects: Vec::new(),
            alone: None,
            side_by_side: None,
            selected: None,
            base: None,
            failed_in_ci: false,
            history: None,
            tags: Vec::new(),
            more: "{}".to_owned(),
        }
    }
}

/// Nothing counted.
impl Default for Counts {
    fn default() -> Self {
        Self {
            ran: 0,
            passed: 0,
            failed: 0,
            errored: 0,
            timed_out: 0,
            crashed: 0,
            skipped: 0,
            missing: 0,
            retried: 0,
            expected_failures: 0,
            unexpected_passes: 0,
        }
    }
}

impl TestResult {
    /// A test of which nothing but the outcome is known.
    #[must_use]
    pub fn new(id: &str, outcome: Outcome) -> Self {
        Self {
            id: id.to_owned(),
            name: None,
            outcome,
            duration_ns: None,
            failure: None,
            location: None,
            tries: Vec::new(),
        }
    }
}

impl Failure {
    /// A failure without a trace.
    #[must_use]
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), trace: String::new() }
    }
}

impl Location {
    /// A place in the project; lines count from 1.
    #[must_use]
    pub fn new(file: impl Into<String>, line: Option<u32>) -> Self {
        Self { file: file.into(), line }
    }
}

impl Exit {
    /// Ended by itself, with this code.
    #[must_use]
    pub fn with_code(code: i32) -> Self {
        Self { code: Some(code), signal: None, timed_out: false }
    }
}

impl Command {
    /// A command in the project's root, in the environment that there is.
    #[must_use]
    pub fn new<A: Into<String>>(argv: impl IntoIterator<Item = A>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), env: Vec::new(), cwd: String::new() }
    }

    /// With a variable set, removed or prepended to.
    #[must_use]
    pub fn env(mut self, name: &str, change: EnvChange) -> Self {
        self.env.push((name.to_owned(), change));
        self
    }

    /// In this folder, relative to the project's root.
    #[must_use]
    pub fn cwd(self, cwd: &str) -> Self {
        Self { cwd: cwd.to_owned(), ..self }
    }
}

/// Nothing recognised, no tests.
impl Default for ParsedAttempt {
    fn default() -> Self {
        Self {
            format: String::new(),
            tests: Vec::new(),
            completeness: Completeness::NothingRecognised,
            announced: Vec::new(),
            diagnostics: Vec::new(),
        }
    }
}

/// Nothing recognised, no tests.
impl Default for PackedAttempt {
    fn default() -> Self {
        Self {
            format: String::new(),
            tests: PackedTests::default(),
            completeness: Completeness::NothingRecognised,
            announced: Vec::new(),
            diagnostics: Vec::new(),
        }
    }
}

/// No tests.
impl Default for PackedTests {
    fn default() -> Self {
        crate::PackedTestsBuilder::default().finish()
    }
}

/// Nothing to install.
impl Default for InstallPlan {
    fn default() -> Self {
        Self { steps: Vec::new(), env: Vec::new(), cache_key: String::new() }
    }
}
