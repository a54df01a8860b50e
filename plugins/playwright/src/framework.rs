//! How projects that are tested by playwright are found, installed, reported on and selected from.

use flaky_plugin_javascript::framework::{self, Invocation, PROJECT_FILES, Tool, arguments, ending, title};
use flaky_plugin_sdk::{
    AttemptContext, Command, Detection, EnvChange, InstallPlan, Instrumented, Manifest, Project, Result,
    Selection, Want,
};

pub(crate) const TOOL: Tool = Tool {
    name: "playwright",
    programs: &["playwright"],
    verbs: &["test"],
    package: "@playwright/test",
    key: None,
    settings: &["playwright.config."],
    command: &["npx", "--no-install", "playwright", "test"],
    options_first: false,
};

/// Options that choose tests by their names.
const CHOOSE: [&str; 3] = ["-g", "--grep", "--grep-invert"];

const REPORTER: &str = include_str!("flaky_playwright_report.cjs");

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
    let mut command = command.env(
        "PW_TEST_REPORTER",
        EnvChange::Set(format!("{}/flaky_playwright_report.cjs", context.support_dir)),
    );
    if let (Some(workers), Some(Invocation::Direct(_))) =
        (context.workers, Invocation::find(&TOOL, &command.argv))
    {
        command.argv.push(format!("--workers={}", workers.max(1)));
    }
    framework::with_report(command, context, "flaky_playwright_report.cjs", REPORTER)
}

pub(crate) fn select(command: Command, selection: &Selection) -> Result<Command> {
    let option = match selection {
        Selection::Only(ids) => format!("--grep={}", by_title(ids)),
        Selection::Without(ids) => format!("--grep-invert={}", by_title(ids)),
    };
    arguments(&TOOL, command, &CHOOSE, vec![option])
}

/// Playwright looks in project, file, blocks, title and tags, with spaces between; without the slashes it would not regard
/// case. Files are named from the folder of the tests, which ids are not.
fn by_title(ids: &[String]) -> String {
    format!("/{}/", ids.iter().map(|id| one(id)).collect::<Vec<_>>().join("|"))
}

fn one(id: &str) -> String {
    let (start, rest) = match id.strip_prefix('[').and_then(|rest| rest.split_once("] > ")) {
        Some((project, rest)) => (format!(r"^\s*{}\s+", title(project)), rest),
        None => (r"(?:^|\s)".to_owned(), id),
    };
    let mut parts = rest.split(" > ");
    let file: Vec<String> = parts.next().unwrap_or_default().split('/').map(title).collect();
    let titles: Vec<String> = parts.map(title).collect();
    format!(r"{start}(?:\.\.\/)*{}{TAGGED}{}(?:\s+@\S+)*\s*$", ending(&file, r"\/"), titles.join(TAGGED))
}

/// Between titles: blocks have tags too.
const TAGGED: &str = r"(?: > |\s+(?:@\S+\s+)*)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_file_blocks_and_title_are_named_literally() {
        let ids = ["[a (b)] > e2e/x.spec.js > cart > costs $1".to_owned(), "x.js > one".to_owned()];
        let tagged = r"(?: > |\s+(?:@\S+\s+)*)";
        let end = r"(?:\s+@\S+)*\s*$";
        let expected = [
            r"/^\s*a\s+\(b\)\s+(?:\.\.\/)*(?:e2e\/)?x\.spec\.js",
            tagged,
            "cart",
            tagged,
            r"costs\s+\$1",
            end,
            r"|(?:^|\s)(?:\.\.\/)*x\.js",
            tagged,
            "one",
            end,
            "/",
        ];
        assert_eq!(by_title(&ids), expected.concat());
    }
}
