//! How projects that are tested by vitest are found, installed, reported on and selected from.

use flaky_plugin_javascript::framework::{self, Invocation, PROJECT_FILES, Tool, arguments, files, pattern};
use flaky_plugin_sdk::{
    AttemptContext, Command, Detection, EnvChange, InstallPlan, Instrumented, Manifest, Project, Result,
    Selection, Want,
};

pub(crate) const TOOL: Tool = Tool {
    name: "typescript-vitest",
    programs: &["vitest"],
    verbs: &[],
    package: "vitest",
    key: None,
    settings: &["vitest.config.", "vitest.workspace."],
    command: &["npx", "--no-install", "vitest", "run"],
    options_first: false,
};

/// Options that choose tests by their names.
const CHOOSE: [&str; 2] = ["-t", "--testNamePattern"];

const REPORTER: &str = include_str!("flaky_vitest_report.cjs");

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
        .env("VITE_TEST_SEED", EnvChange::Set(seed.clone()))
        // Reaches vitest where it orders tests by chance; nothing else looks at it.
        .env("FLAKY_VITEST_SEED", EnvChange::Set(seed));
    if context.shuffle {
        // Where the arguments are out of reach (`npm test`).
        command = command.env("FLAKY_VITEST_SHUFFLE", EnvChange::Set("1".to_owned()));
    }
    if let Some(Invocation::Direct(_)) = Invocation::find(&TOOL, &command.argv) {
        if context.shuffle && !command.argv.iter().any(|word| word.starts_with("--sequence")) {
            command.argv.push("--sequence.shuffle".to_owned());
        }
        if let Some(workers) =
            context.workers.filter(|_| !command.argv.iter().any(|word| word.starts_with("--maxWorkers")))
        {
            command.argv.push(format!("--maxWorkers={}", workers.max(1)));
        }
    }
    framework::instrument(command, context, "flaky_vitest_report.cjs", REPORTER)
}

/// Vitest compares full titles; files are told by a part of their path.
pub(crate) fn select(command: Command, selection: &Selection) -> Result<Command> {
    let options = match selection {
        Selection::Only(ids) => {
            let titles = format!("--testNamePattern=^{}$", pattern(ids, 1));
            std::iter::once(titles).chain(files(ids).into_iter().map(str::to_owned)).collect()
        }
        Selection::Without(ids) => vec![format!("--testNamePattern=^(?!{}$)", pattern(ids, 1))],
    };
    arguments(&TOOL, command, &CHOOSE, options)
}
