//! For those who write plugins.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use flaky_plugin_kit::{Kind, Language, PluginName};

use crate::args::named;

#[derive(Debug, Subcommand)]
pub(crate) enum AuthorCommand {
    /// Make the project of a plugin, which builds and passes its tests as it stands
    New(NewArgs),
    /// Build a project into a component
    Build(BuildArgs),
    /// Hold a plugin against its cases, and against what every plugin is held to
    Test(TestArgs),
    /// Say what a component is and wants, without running it where it cannot be run
    Inspect(InspectArgs),
    /// Measure what a plugin costs
    Bench(BenchArgs),
    /// Build and test a project again on every change, until Ctrl-C
    Dev(DevArgs),
    /// Say which tools are missing to build plugins, and the commands that bring them
    Doctor(PluginDoctorArgs),
}

/// Make the project of a plugin: a folder NAME that builds and passes its tests as it stands. Overwrites nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky plugin new owners --kind policy --lang rust
  cd owners && flaky plugin build && flaky plugin test
  flaky run --plugin ./owners.wasm")]
pub(crate) struct NewArgs {
    /// Lower-case letters, digits and `-`
    pub(crate) name: PluginName,

    /// What it is for
    #[arg(long, value_name = "KIND", value_parser = named::<Kind>(Kind::ALL))]
    pub(crate) kind: Kind,

    /// What it is written in
    #[arg(long = "lang", value_name = "LANGUAGE", value_parser = named::<Language>(Language::ALL))]
    pub(crate) language: Language,

    /// Folder that the project's folder goes into [default: the current folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
}

/// Build a project into a component, NAME.wasm in its folder.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The project [default: the current folder]
    #[arg(value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,

    /// Where the component goes [default: NAME.wasm in the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Hold a plugin against its cases (folders of `tests/`), and against what every plugin is held to: the same answer when
/// asked twice, whatever the pieces that inputs are read in; no crash on hostile input; its limits.
///
/// Exit code 5 when something does not hold.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky plugin test                      builds this project, then tests it
  flaky plugin test --bless              writes what the cases expect
  flaky plugin test owners.wasm --cases tests")]
pub(crate) struct TestArgs {
    /// A project, which is built first, or a component [default: the current folder]
    #[arg(value_name = "DIR|FILE")]
    pub(crate) subject: Option<PathBuf>,

    /// Folder of the cases [default: `tests` in the project, or beside the component]
    #[arg(long, value_name = "DIR")]
    pub(crate) cases: Option<PathBuf>,

    /// Write what the plugin answers as what the cases expect
    #[arg(long)]
    pub(crate) bless: bool,

    /// Only the cases
    #[arg(long)]
    pub(crate) no_conformance: bool,

    /// No colour (as `NO_COLOR` does)
    #[arg(long)]
    pub(crate) no_color: bool,
}

/// Say what a component is: roles with their contract, imports, what it wants, settings, size. Also where this `flaky`
/// refuses to run it, and why.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The component
    pub(crate) file: PathBuf,

    /// One JSON document, for other programs (docs/schema/plugin.schema.json)
    #[arg(long)]
    pub(crate) json: bool,
}

/// Measure what a plugin costs: to compile, to load, per call, per megabyte of its cases' inputs.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// The component
    pub(crate) file: PathBuf,

    /// Folder of the cases, whose inputs are used [default: `tests` beside the component]
    #[arg(long, value_name = "DIR")]
    pub(crate) cases: Option<PathBuf>,

    /// One JSON document, for other programs (docs/schema/plugin-figures.schema.json)
    #[arg(long)]
    pub(crate) json: bool,
}

/// Build and test a project, and again on every change, until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// The project [default: the current folder]
    #[arg(value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,

    /// No colour (as `NO_COLOR` does)
    #[arg(long)]
    pub(crate) no_color: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PluginDoctorArgs {
    /// The tools of this language alone; exit code 5 when one is missing
    #[arg(long = "lang", value_name = "LANGUAGE", value_parser = named::<Language>(Language::ALL))]
    pub(crate) language: Option<Language>,

    /// A project, which may bring tools of its own [default: the current folder]
    #[arg(value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
}
