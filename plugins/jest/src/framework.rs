//! How projects that are tested by jest are found, installed, reported on and selected from.

use flaky_plugin_javascript::framework::{
    self, Invocation, PROJECT_FILES, Tool, arguments, escaped, files, pattern,
};
use flaky_plugin_sdk::{
    AttemptContext, Command, Detection, EnvChange, InstallPlan, Instrumented, Manifest, Project, Result,
    Selection, Want,
};

pub(crate) const TOOL: Tool = Tool {
    name: "typescript-jest",
    programs: &["jest", "jest-cli"],
    verbs: &[],
    package: "jest",
    key: Some("jest"),
    settings: &["jest.config."],
    command: &["npx", "--no-install", "jest"],
    options_first: false,
};

/// Options that choose tests by their names.
const CHOOSE: [&str; 2] = ["-t", "--testNamePattern"];

const REPORTER: &str = include_str!("flaky_jest_report.cjs");

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
    let seed = context.seed.to_string();
    let mut command = command
        .env("JEST_SEED", EnvChange::Set(seed.clone()))
        // Reaches jest where it orders tests by chance, or is asked to.
        .env("FLAKY_JEST_SEED", EnvChange::Set(seed));
    if context.shuffle {
        command = command.env("FLAKY_JEST_SHUFFLE", EnvChange::Set("1".to_owned()));
    }
    if let (Some(workers), Some(Invocation::Direct(_))) =
        (context.workers, Invocation::find(&TOOL, &command.argv))
    {
        command.argv.push(format!("--maxWorkers={}", workers.max(1)));
    }
    framework::instrument(command, context, "flaky_jest_report.cjs", REPORTER)
}

/// Jest compares full titles, without regard to case, and loads every file to learn them: the files are named as well.
pub(crate) fn select(command: Command, selection: &Selection) -> Result<Command> {
    let options = match selection {
        Selection::Only(ids) => {
            let titles = format!("--testNamePattern=^{}$", pattern(ids, 1));
            // Behind an option with `=`, which takes no further values as some of the project's might.
            let files = files(ids).into_iter().map(|file| format!(r"(?:^|\/){}$", escaped(file)));
            std::iter::once(titles).chain(files).collect()
        }
        Selection::Without(ids) => vec![format!("--testNamePattern=^(?!{}$)", pattern(ids, 1))],
    };
    arguments(&TOOL, command, &CHOOSE, options)
}
