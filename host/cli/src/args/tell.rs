//! Where and how results are told: flags that several commands share.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use flaky_core::grant::Grant;
use flaky_core::settings::FailOn;

use super::named;

/// Plugins, configuration, and what the exit code says.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SettingsArgs {
    /// Use a plugin: a component file, `builtin:NAME`, `https://…` or `oci://…`
    #[arg(long = "plugin", value_name = "SOURCE", help_heading = "Plugins and settings")]
    pub(crate) plugins: Vec<String>,

    /// Allow the plugins of `--plugin` what they ask for: `http:https://HOST`, `secret:NAME` or `commands`; can be repeated
    #[arg(long = "grant", value_name = "GRANT", requires = "plugins", help_heading = "Plugins and settings")]
    pub(crate) grants: Vec<Grant>,

    /// The revision whose configuration says which plugins, grants, reporters, variables and commands count [default in a
    /// pull request's job: its base]
    #[arg(long, value_name = "REV", help_heading = "Plugins and settings")]
    pub(crate) trusted_ref: Option<String>,

    /// Configuration file [default: `.flaky-detector.yml`]
    #[arg(long, value_name = "FILE", help_heading = "Plugins and settings")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) supply: SupplyArgs,

    /// From which verdict on the exit code says failure
    #[arg(long, value_name = "VERDICT", value_parser = named::<FailOn>(FailOn::ALL), help_heading = "Result")]
    pub(crate) fail_on: Option<FailOn>,
}

/// By which rules plugins are brought that are not on this machine.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SupplyArgs {
    /// Use fetched plugins only as `.flaky-detector.lock` has them [default where `CI` is set]
    #[arg(long, overrides_with = "no_locked", help_heading = "Plugins and settings")]
    pub(crate) locked: bool,

    /// Look up plugins that the lock lacks, and write down what was found
    #[arg(long, overrides_with = "locked", help_heading = "Plugins and settings")]
    pub(crate) no_locked: bool,

    /// Fetch no plugin: use what is in the repository or was fetched before
    #[arg(long, help_heading = "Plugins and settings")]
    pub(crate) offline: bool,
}

/// Where a result is told.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TellArgs {
    /// Write a report: `json=FILE`, `markdown=FILE`, `html=FILE`, `junit=FILE`, `ctrf=FILE`, or of a reporter plugin; `-`
    /// is standard output
    #[arg(long = "report", value_name = "KIND=FILE", help_heading = "Result")]
    pub(crate) reports: Vec<ReportArg>,

    /// Tell the result where people look: `github`, `gitlab`, `slack`, `discord`, `webhook`, or by a reporter plugin; can be
    /// repeated [default in CI: the configuration's `reporters`]
    #[arg(long = "to", value_name = "REPORTER", help_heading = "Result")]
    pub(crate) to: Vec<String>,

    /// Remember in a file what was sent last, and send nothing that says the same
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    pub(crate) state: Option<PathBuf>,

    /// Print what would be sent instead of sending it; the files of `--report` are written
    #[arg(long, help_heading = "Result")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct OutputArgs {
    /// No progress, only the result
    #[arg(long, short, help_heading = "Result")]
    pub(crate) quiet: bool,

    /// No colour (as `NO_COLOR` does)
    #[arg(long, help_heading = "Result")]
    pub(crate) no_color: bool,
}

/// `KIND=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportArg {
    pub(crate) kind: String,
    /// `None` is standard output.
    pub(crate) file: Option<PathBuf>,
}

impl FromStr for ReportArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((kind, file)) if !kind.is_empty() && !file.is_empty() => {
                Ok(Self { kind: kind.to_owned(), file: (file != "-").then(|| PathBuf::from(file)) })
            }
            _ => Err(format!("`{text}` is not of the form KIND=FILE, e.g. `json=report.json`")),
        }
    }
}
