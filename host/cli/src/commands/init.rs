//! `flaky init`: writes a configuration and a workflow that fit the repository. It asks nothing, and overwrites nothing.

mod files;

use std::io::Write;
use std::path::{Path, PathBuf};

use flaky_core::text::visible;
use flaky_engine::plugins::PluginSet;
use flaky_engine::survey::{Found, survey};

use self::files::{Kept, Written};
use super::session::Session;
use crate::args::{InitArgs, OutputArgs, Workflow};
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &InitArgs) -> Result<ExitStatus, CliError> {
    let root = args.folder.clone().unwrap_or_else(|| PathBuf::from("."));
    if !root.is_dir() {
        return Err(CliError::usage_text(format!("`{}` is not a folder", root.display()), None));
    }
    if args.remove { remove(&root) } else { write(&root, args) }
}

fn write(root: &Path, args: &InitArgs) -> Result<ExitStatus, CliError> {
    let session = Session::open(&OutputArgs { quiet: true, no_color: true })?;
    let found = session.block_on(async {
        let host = session.plugin_host().map_err(|e| CliError::fault(&e, None))?;
        Ok::<_, CliError>(survey(&PluginSet::bundled(&host), root).await)
    })?;
    let workflows = if args.workflows.is_empty() { &[Workflow::AfterCi][..] } else { &args.workflows };
    let ci = ci_workflows(root);
    let mut plan = vec![(PathBuf::from(flaky_config::FILE_NAME), configuration(&found))];
    for workflow in workflows {
        let path = Path::new(WORKFLOWS).join(workflow.file_name());
        plan.push((path, workflow.text(&ci)));
    }
    let mut out = std::io::stdout().lock();
    for (path, text) in plan {
        let told = match files::write(root, &path, &text).map_err(|e| cannot(&root.join(&path), &e))? {
            Written::New => "wrote",
            Written::Same => "is there already:",
            Written::Different => "kept, it is different:",
        };
        let _ = writeln!(out, "{told} {}", path.display());
    }
    next_steps(&mut out, &found, &ci, workflows);
    Ok(ExitStatus::Fine)
}

fn remove(root: &Path) -> Result<ExitStatus, CliError> {
    let all = Workflow::ALL.iter().map(|(_, workflow)| Path::new(WORKFLOWS).join(workflow.file_name()));
    let mut out = std::io::stdout().lock();
    let mut any = false;
    for path in std::iter::once(PathBuf::from(flaky_config::FILE_NAME)).chain(all) {
        let told = match files::remove(root, &path).map_err(|e| cannot(&root.join(&path), &e))? {
            Kept::Absent => continue,
            Kept::Removed => "removed",
            Kept::Changed => "kept, it is not as `flaky init` wrote it:",
        };
        any = true;
        let _ = writeln!(out, "{told} {}", path.display());
    }
    if !any {
        let _ = writeln!(out, "there is nothing of `flaky init` here");
    }
    Ok(ExitStatus::Fine)
}

fn cannot(path: &Path, error: &std::io::Error) -> CliError {
    CliError::usage_text(format!("`{}`: {error}", path.display()), None)
}

/// Where GitHub looks for workflows.
const WORKFLOWS: &str = ".github/workflows";

/// Names of workflows whose failures are looked into, should the repository have none with a name.
const USUAL_NAME: &str = "CI";

/// The workflows of the repository that may run tests: those with a name that are not ours, by their files' names.
fn ci_workflows(root: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root.join(WORKFLOWS)) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let is_workflow = |path: &&PathBuf| path.extension().is_some_and(|end| end == "yml" || end == "yaml");
    let name = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).ok()?;
        let tests = text.contains("pull_request") || text.contains("push");
        let ours = text.contains("workflow_run:") || text.contains("flaky");
        let name = text.lines().find_map(|line| line.strip_prefix("name:"))?.trim();
        let plain = name.trim_matches(['"', '\'']);
        (tests && !ours && !plain.is_empty() && !plain.chars().any(char::is_control))
            .then(|| plain.to_owned())
    };
    files.iter().filter(is_workflow).filter_map(name).collect()
}

impl Workflow {
    const fn file_name(self) -> &'static str {
        match self {
            Self::AfterCi => "flaky-after-ci.yml",
            Self::Report => "flaky-report.yml",
            Self::Nightly => "flaky-nightly.yml",
            Self::Gate => "flaky-gate.yml",
        }
    }

    /// The example, with the names of the repository's own workflows in it, and the action by its version: see `build.rs`.
    fn text(self, ci: &[String]) -> String {
        let example = match self {
            Self::AfterCi => include_str!(concat!(env!("OUT_DIR"), "/flaky-after-ci.yml")),
            Self::Report => include_str!(concat!(env!("OUT_DIR"), "/flaky-report.yml")),
            Self::Nightly => include_str!(concat!(env!("OUT_DIR"), "/flaky-nightly.yml")),
            Self::Gate => include_str!(concat!(env!("OUT_DIR"), "/flaky-gate.yml")),
        };
        let names: Vec<String> = ci.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect();
        let names = if names.is_empty() { USUAL_NAME.to_owned() } else { names.join(", ") };
        example.replace("    workflows: [CI]", &format!("    workflows: [{names}]"))
    }
}

/// The file with what was found as comments to be taken up, so that everything works without it as well.
fn configuration(found: &[Found]) -> String {
    let mut text = String::from(
        "# Settings of flaky, which finds out whether a failing test is a bug or flaky. All keys: docs/configuration.md.\n\
         # Everything has a default; take away a `#` to change it.\n\n",
    );
    let roots: std::collections::BTreeSet<&str> = found.iter().map(|f| f.root.as_str()).collect();
    match found {
        [] => text
            .push_str("# No test framework was recognised: name the command.\n# test_command: make test\n"),
        [first, ..] if roots.len() == 1 => {
            text.push_str(&format!(
                "# Recognised: {}.\n# test_command: {}\n",
                first.framework,
                yaml_text(&first.command)
            ));
        }
        _ => {
            text.push_str(
                "# Several parts were recognised. With the CI jobs that run each (a shell pattern on their names), a failure is looked\n\
                 # into where it was:\n",
            );
            suites(found).lines().for_each(|line| text.push_str(&format!("# {line}\n")));
        }
    }
    text.push_str(
        "\n# After a failure in CI: how many attempts, how many side by side, and for how long at most.\n\
         auto_trigger_runs: 20\n\
         auto_trigger_parallelism: 5\n\
         budget: 10m\n\n\
         # Who is told in CI. Slack and Discord need SLACK_WEBHOOK_URL and DISCORD_WEBHOOK_URL.\n\
         reporters: [github]\n\
         # notify: [broken, \"flaky>=medium\", introduced]\n",
    );
    text
}

/// The parts by name: which job runs which, only the repository's people know.
fn suites(found: &[Found]) -> String {
    let mut text = String::from("suites:\n");
    let roots: std::collections::BTreeSet<&str> = found.iter().map(|f| f.root.as_str()).collect();
    for root in roots {
        let Some(best) = found.iter().find(|f| f.root == root) else { continue };
        let name = if root.is_empty() { "root".to_owned() } else { root.replace('/', "-") };
        text.push_str(&format!(
            "  {}:\n    job: {}\n    working_directory: {}\n    test_command: {}\n",
            yaml_text(&name),
            yaml_text(&format!("test ({name}*")),
            yaml_text(if root.is_empty() { "." } else { root }),
            yaml_text(&best.command),
        ));
    }
    text
}

/// A text that means itself.
fn yaml_text(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./ ".contains(c);
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.');
    if starts && text.chars().all(plain) && text.trim() == text {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

/// The job that makes the attempts which `flaky-report.yml` tells of, with the command that was found.
fn attempts_job(found: &[Found]) -> String {
    let example = include_str!(concat!(env!("OUT_DIR"), "/attempts.yml"));
    let command = found.first().map_or("make test", |first| first.command.as_str());
    example.replace("command: python3 -m pytest\n", &format!("command: {}\n", yaml_text(command)))
}

fn next_steps(out: &mut impl Write, found: &[Found], ci: &[String], workflows: &[Workflow]) {
    let mut lines = vec![String::new()];
    for Found { framework, root, command } in found {
        let place = if root.is_empty() { String::new() } else { format!(" in `{root}`") };
        lines.push(format!("found {framework}{place}: `{}`", visible(command)));
    }
    if workflows.contains(&Workflow::AfterCi) {
        lines.push("set the secret RUNPOD_API_KEY and the variable RUNPOD_ENDPOINT_ID in the environment `flaky`; without RunPod: `flaky init --workflow report`".into());
    }
    if ci.is_empty() && workflows.iter().any(|w| matches!(w, Workflow::AfterCi | Workflow::Report)) {
        lines.push(format!("no workflow with a name was found: `{USUAL_NAME}` stands for yours, change it"));
    }
    if workflows.contains(&Workflow::Report) {
        let own = ci.first().map_or(USUAL_NAME, String::as_str);
        lines.push(format!(
            "put this job into your workflow `{own}`, and at `needs` its job that runs the tests:"
        ));
        lines.push(format!("\n{}", attempts_job(found)));
    }
    lines.push("merge this first: it acts from the default branch".into());
    lines.push(
        concat!(
            "to name the action by its commit: `git ls-remote https://github.com/flaky-rs/flaky v",
            env!("CARGO_PKG_VERSION"),
            "`"
        )
        .into(),
    );
    lines.push("try it here: `flaky run`".into());
    let _ = out.write_all((lines.join("\n") + "\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(root: &str, framework: &str, command: &str) -> Found {
        Found { framework: framework.into(), root: root.into(), command: command.into() }
    }

    #[test]
    fn what_is_written_is_a_configuration_that_loads_without_a_warning() {
        for found in [
            vec![],
            vec![found("", "python", "pytest")],
            vec![
                found("", "python", "pytest"),
                found("web/app", "typescript-jest", "npx jest --ci=\"a: b\""),
            ],
        ] {
            let text = configuration(&found);
            let file = flaky_config::parse(Path::new("x.yml"), text.as_bytes()).expect(&text);
            assert!(file.warnings.is_empty(), "{text}");
            assert_eq!(file.settings.suites, None, "jobs are not known: {text}");
            if found.len() > 1 {
                let text = suites(&found);
                let file = flaky_config::parse(Path::new("x.yml"), text.as_bytes()).expect(&text);
                let web = &file.settings.suites.unwrap()["web-app"];
                assert_eq!(web.command().unwrap().words(), ["npx", "jest", "--ci=a: b"]);
                assert!(web.job.as_ref().unwrap().matches("test (web-app, 3.12)"));
            }
        }
    }

    #[test]
    fn the_job_for_the_repositorys_own_workflow_has_its_command() {
        let action = concat!("uses: flaky-rs/flaky@v", env!("CARGO_PKG_VERSION"), "\n");
        for (found, line) in [
            (
                vec![found("", "typescript-jest", "npx jest --ci=\"a: b\"")],
                r#"command: "npx jest --ci=\"a: b\"""#,
            ),
            (vec![], "command: make test"),
        ] {
            let job = attempts_job(&found);
            assert!(job.starts_with("  attempts:\n") && job.contains(action), "{job}");
            assert_eq!(job.lines().filter(|own| own.trim() == line).count(), 1, "{job}");
        }
    }

    #[test]
    fn workflows_name_the_repositorys_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join(WORKFLOWS);
        std::fs::create_dir_all(&at).unwrap();
        for (file, text) in [
            ("a.yml", "name: Tests\non: [push]\n"),
            ("b.yaml", "name: \"It's CI\"\non:\n  pull_request:\n"),
            ("c.yml", "on: push\n"),
            ("d.yml", "name: deploy\non: workflow_dispatch\n"),
            ("e.yml", "name: other\non:\n  workflow_run:\n    workflows: [Tests]\n# push\n"),
        ] {
            std::fs::write(at.join(file), text).unwrap();
        }
        let ci = ci_workflows(folder.path());
        assert_eq!(ci, ["Tests", "It's CI"]);
        for (_, workflow) in Workflow::ALL {
            let (own, usual) = (workflow.text(&ci), workflow.text(&[]));
            let action = concat!("uses: flaky-rs/flaky@v", env!("CARGO_PKG_VERSION"), "\n");
            assert_eq!(usual.matches("flaky-rs/flaky@").count(), usual.matches(action).count(), "{usual}");
            assert!(usual.contains(action), "{usual}");
            if usual.contains("workflows: [CI]") {
                assert!(own.contains("    workflows: ['Tests', 'It''s CI']\n"), "{own}");
            }
        }
    }
}
