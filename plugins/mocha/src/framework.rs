//! How projects that are tested by mocha are found, installed, reported on and selected from.

use flaky_plugin_javascript::framework::{self, PROJECT_FILES, Tool, arguments, pattern};
use flaky_plugin_sdk::{
    AttemptContext, Command, Detection, EnvChange, InstallPlan, Instrumented, Manifest, Project, Result,
    Selection, Want,
};

pub(crate) const TOOL: Tool = Tool {
    name: "javascript-mocha",
    programs: &["mocha", "_mocha"],
    verbs: &[],
    package: "mocha",
    key: Some("mocha"),
    settings: &[".mocharc."],
    command: &["npx", "--no-install", "mocha"],
    options_first: false,
};

/// Options that choose tests by their names.
const CHOOSE: [&str; 6] = ["-g", "--grep", "-f", "--fgrep", "-i", "--invert"];

const REPORTER: &str = include_str!("flaky_mocha_report.cjs");

/// What the role needs of the host.
pub(crate) fn wants(manifest: Manifest) -> Manifest {
    let manifest = manifest.want(Want::Commands);
    let settings = TOOL.settings.iter().map(|start| format!("**/{start}*"));
    let files = PROJECT_FILES.iter().map(|glob| (*glob).to_owned()).chain(settings);
    files.fold(manifest, |manifest, glob| manifest.want_project_files(&glob))
}

pub(crate) fn detect(project: &Project<'_>) -> Result<Vec<Detection>> {
    framework::detect(&TOOL, project)
}

pub(crate) fn recognises(argv: &[String]) -> bool {
    framework::Invocation::find(&TOOL, argv).is_some()
}

pub(crate) fn install(project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
    framework::install(project, root, env_dir)
}

pub(crate) fn instrument(command: Command, context: &AttemptContext) -> Instrumented {
    // Mocha has no order by chance; tests read the seed themselves.
    let command = command.env("MOCHA_SEED", EnvChange::Set(context.seed.to_string()));
    framework::instrument(command, context, "flaky_mocha_report.cjs", REPORTER)
}

pub(crate) fn select(command: Command, selection: &Selection) -> Result<Command> {
    // Ids are full titles.
    let options = match selection {
        Selection::Only(only) => vec![format!("--grep=^{}$", pattern(only, 0))],
        Selection::Without(others) => vec![format!("--grep=^{}$", pattern(others, 0)), "--invert".to_owned()],
    };
    arguments(&TOOL, command, &CHOOSE, options)
}
