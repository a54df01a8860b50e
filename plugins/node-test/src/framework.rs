//! How projects that are tested by `node --test` are found, installed, reported on and selected from.

use flaky_plugin_javascript::framework::{self, PROJECT_FILES, Tool, ending, title, with_report};
use flaky_plugin_sdk::{
    AttemptContext, Command, Detection, InstallPlan, Instrumented, Manifest, PluginError, Project, Result,
    Selection, Want,
};

const TOOL: Tool = Tool {
    name: "node-test",
    programs: &["node", "nodejs"],
    verbs: &["--test"],
    package: "",
    key: None,
    settings: &[],
    command: &["node", "--test"],
    options_first: true,
};

const REPORTER: &str = include_str!("flaky_node_test_report.cjs");
const FILE: &str = "flaky_node_test_report.cjs";
/// What the runner prints when nobody chooses a reporter, which depends on its version.
const DEFAULT: &str = include_str!("flaky_node_test_default.mjs");

/// What the role needs of the host.
pub(crate) fn wants(manifest: Manifest) -> Manifest {
    let manifest = manifest.want(Want::Commands);
    PROJECT_FILES.iter().fold(manifest, |manifest, glob| manifest.want_project_files(glob))
}

pub(crate) fn detect(project: &Project<'_>) -> Result<Vec<Detection>> {
    framework::detect(&TOOL, project)
}

pub(crate) fn recognises(argv: &[String]) -> bool {
    position(argv).is_some()
}

pub(crate) fn install(project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
    framework::install(project, root, env_dir)
}

/// Where `--test` stands among the options of `node`, which end at the first word that is none.
fn position(argv: &[String]) -> Option<usize> {
    let node = argv.iter().position(|word| !word.contains('='))?;
    let name = argv.get(node)?.rsplit('/').next()?;
    if !TOOL.programs.contains(&name) {
        return None;
    }
    let options = argv.iter().enumerate().skip(node + 1).take_while(|(_, word)| word.starts_with('-'));
    options.into_iter().find(|(_, word)| *word == "--test").map(|(at, _)| at)
}

/// A reporter of our own beside those that the command names. Where it names none, the one that would have been chosen is
/// named, because the runner then chooses none itself.
pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    let Some(at) = position(&command.argv) else {
        return Instrumented { command: framework::with_modules(command), support_files: Vec::new() };
    };
    let is = |word: &String, option: &str| word == option || word.starts_with(&format!("{option}="));
    let named = command.argv.iter().filter(|word| is(word, "--test-reporter")).count();
    let sent = command.argv.iter().filter(|word| is(word, "--test-reporter-destination")).count();
    let mut more = Vec::new();
    let mut add = |reporter: String, destination: &str| {
        more.push(format!("--test-reporter={reporter}"));
        more.push(format!("--test-reporter-destination={destination}"));
    };
    if named == 0 {
        add(format!("{}/flaky_node_test_default.mjs", context.support_dir), "stdout");
    }
    // Its lines go into the report folder, and nothing of it to the standard output.
    add(format!("{}/{FILE}", context.support_dir), "/dev/null");
    if named == 1 && sent == 0 {
        // One reporter writes to the standard output by itself; of several, each has to be sent somewhere.
        more.insert(0, "--test-reporter-destination=stdout".to_owned());
    }
    command.argv.splice(at + 1..at + 1, more);
    let mut instrumented = with_report(command, context, FILE, REPORTER);
    instrumented.support_files.push(flaky_plugin_sdk::SupportFile {
        path: "flaky_node_test_default.mjs".to_owned(),
        content: DEFAULT.as_bytes().to_vec(),
    });
    instrumented
}

/// By the tests' own names: that is what all versions of the runner compare with. Newer ones compare full names, with
/// spaces between.
pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let Some(at) = position(&command.argv) else {
        return Err(PluginError::new("cannot-select", "`node --test` is not called directly"));
    };
    let option = match selection {
        Selection::Only(ids) => format!(r"--test-name-pattern=/^\s*(?:{})\s*$/", names(ids)),
        Selection::Without(_) => {
            let said = "the test runner of Node.js cannot leave tests out by name in all its versions";
            return Err(PluginError::new("cannot-select", said));
        }
    };
    command.argv.insert(at + 1, option);
    Ok(command)
}

fn names(ids: &[String]) -> String {
    let parts = |id: &String| id.split(" > ").map(title).collect::<Vec<_>>();
    ids.iter().map(|id| ending(&parts(id), r"(?: > |\s+)")).collect::<Vec<_>>().join("|")
}
