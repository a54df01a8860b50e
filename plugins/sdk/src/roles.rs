//! The traits that an author implements.

use crate::{
    Attempt, AttemptContext, Blob, Command, Delivery, Detection, Evidence, InstallPlan, Instrumented,
    Manifest, PackedAttempt, ParsedAttempt, PluginError, Project, RenderContext, Result, RunSummary,
    Selection, Settings, Verdict,
};

/// Every plugin: who it is, and its settings.
///
/// One instance serves one call or one attempt: what a plugin keeps between calls is gone with the instance.
pub trait Plugin: Default + 'static {
    /// Who the plugin is and what it wants of the host.
    fn describe() -> Manifest;

    /// Takes the settings, before any role call. They are valid against the manifest's schema; what a schema
    /// cannot say is checked here. Not called again on the same instance.
    ///
    /// # Errors
    /// Settings that make no sense. The run does not start.
    fn configure(&mut self, settings: &Settings<'_>) -> Result<()> {
        let _ = settings;
        Ok(())
    }
}

/// Reads what a framework printed or wrote, as plain records.
pub trait Parser: Plugin {
    /// What became of every test in the attempt.
    ///
    /// What is not recognised is not an error: it is [`Completeness::NothingRecognised`](crate::Completeness),
    /// and the host asks the next parser.
    ///
    /// # Errors
    /// Only when the input says that it is this parser's and still nothing of it can be used.
    fn parse(&self, attempt: &Attempt<'_>) -> Result<ParsedAttempt>;
}

/// The same as [`Parser`], for attempts with tens of thousands of tests: a third of the cost. A plugin is one of
/// the two; see [`PackedTestsBuilder`](crate::PackedTestsBuilder).
pub trait PackedParser: Plugin {
    /// What became of every test in the attempt.
    ///
    /// # Errors
    /// As [`Parser::parse`].
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt>;
}

/// Finds projects of a test framework, and decides the commands that install, report and select.
pub trait Framework: Plugin {
    /// Every place of the project that this framework tests; the best first.
    ///
    /// # Errors
    /// A project that is this framework's and cannot be understood.
    fn detect(&self, project: &Project<'_>) -> Result<Vec<Detection>>;

    /// Whether this framework runs (part of) the command.
    fn recognises(&self, argv: &[String]) -> bool;

    /// How to install what the tests in `root` need, into `env_dir`, an absolute folder of this installation's
    /// own. By default there is nothing to install.
    ///
    /// # Errors
    /// A project whose needs cannot be understood.
    fn install(&self, project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
        let _ = (project, root, env_dir);
        Ok(InstallPlan::default())
    }

    /// Adds a report, the seed and the order to a command, without overriding what its author chose. By default
    /// the command stays as it is.
    ///
    /// # Errors
    /// A command that cannot be run under these conditions.
    fn instrument(&self, command: Command, context: &AttemptContext) -> Result<Instrumented> {
        let _ = context;
        Ok(Instrumented { command, support_files: Vec::new() })
    }

    /// The command for some of the tests. By default this is refused.
    ///
    /// # Errors
    /// A framework or command that cannot select.
    fn select(&self, command: Command, selection: &Selection) -> Result<Command> {
        let _ = (command, selection);
        Err(PluginError::new("cannot-select", "this framework cannot run some of its tests alone"))
    }
}

/// Judges the numbers.
pub trait Policy: Plugin {
    /// One answer per evidence, in order; `None` leaves it to the next policy.
    ///
    /// # Errors
    /// Evidence that cannot be judged at all; the next policy is asked.
    fn classify(&self, batch: &[Evidence]) -> Result<Vec<Option<Verdict>>>;

    /// The run as a whole; `None` (the default) leaves it to the next policy.
    ///
    /// # Errors
    /// As [`classify`](Policy::classify).
    fn summarise(&self, run: &RunSummary) -> Result<Option<Verdict>> {
        let _ = run;
        Ok(None)
    }
}

/// Turns a finished report into things that the host writes or sends.
pub trait Reporter: Plugin {
    /// What to deliver. The report is the JSON document of the published schema.
    ///
    /// # Errors
    /// A report that cannot be read, or settings under which it cannot be shown.
    fn render(&self, report: &Blob<'_>, context: &RenderContext) -> Result<Vec<Delivery>>;
}
